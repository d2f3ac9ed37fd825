import { loadConfigOrExit } from '@tollgate/config';
import { Logger, stopOnSignals } from '@tollgate/observability';
import { loadGatewayConfig } from './config.js';
import { createGateway } from './http/create-gateway.js';

const config = loadConfigOrExit(loadGatewayConfig);
const app = await createGateway(config);
stopOnSignals(app);
await app.listen(config.http.port, config.http.host);
app.get(Logger).log('The gateway listens.', { url: await app.getUrl() });
