// What an account has used, as a page and as a spreadsheet. Run: TOLLGATE_URL=… TOLLGATE_KEY=… node usage-export.mjs
import { createTollgate } from '@tollgate/sdk';

const tollgate = createTollgate({
  baseUrl: process.env.TOLLGATE_URL ?? 'http://localhost:8080',
  apiKey: process.env.TOLLGATE_KEY,
});

const { tier, usage } = await tollgate.users.me();
console.log(`plan ${tier}: ${usage.calls_today.used} of ${usage.calls_today.limit} calls today`);

const page = await tollgate.usage.own({ bucket_width: '1d', group_by: ['model'] });
console.log(`${page.data.length} days`);
console.log(await tollgate.usage.ownCsv({ group_by: ['model', 'task'] }));
