import { appEnvironment, demoLogin, gatewayPort, type AppName } from './environment.js';

const simulated = { baseUrl: 'http://127.0.0.1:5000', isSimulated: true };

function newEnvironment(app: AppName, environment: NodeJS.ProcessEnv = {}, llm = simulated): NodeJS.ProcessEnv {
  const backends = { databaseUrl: 'postgresql://db', redisUrl: 'redis://redis', llm };
  return appEnvironment(app, { environment, port: 8081, backends, jwtPrivateKey: 'pem' });
}

describe('the environment of an app', () => {
  it('has the addresses of what the launcher started, and what the operator set', () => {
    expect(newEnvironment('llm-router', { LOG_LEVEL: 'debug' })).toMatchObject({
      DATABASE_URL: 'postgresql://db',
      REDIS_URL: 'redis://redis',
      PORT: '8081',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'debug',
    });
  });

  it('lets an app drain for less time than the launcher waits before it kills', () => {
    expect(newEnvironment('llm-router')['DRAIN_TIMEOUT_MS']).toBe('10000');
    expect(newEnvironment('llm-router', { DRAIN_TIMEOUT_MS: '1' })['DRAIN_TIMEOUT_MS']).toBe('1');
  });

  it('the signing key and the demo login reach the gateway alone', () => {
    expect(newEnvironment('gateway')).toMatchObject({
      JWT_PRIVATE_KEY: 'pem',
      DEMO_USER_EMAIL: 'demo@tollgate.local',
      DEMO_USER_PASSWORD: 'tollgate-demo',
    });
    expect(Object.keys(newEnvironment('llm-router'))).not.toContain('JWT_PRIVATE_KEY');
    expect(Object.keys(newEnvironment('llm-router'))).not.toContain('DEMO_USER_PASSWORD');
  });

  it('only the gateway listens where the operator says', () => {
    expect(newEnvironment('gateway', { HOST: '0.0.0.0' })['HOST']).toBe('0.0.0.0');
    expect(newEnvironment('text-processing', { HOST: '0.0.0.0' })['HOST']).toBe('127.0.0.1');
  });

  it('the simulator stands in for both providers and every app knows it', () => {
    expect(newEnvironment('llm-router')).toMatchObject({
      OLLAMA_BASE_URL: 'http://127.0.0.1:5000',
      MAVERICK_BASE_URL: 'http://127.0.0.1:5000/v1',
      MAVERICK_API_KEY: 'simulated',
      LLM_SIMULATED: 'true',
    });
  });

  it("a cloud model of the operator's own is used although Ollama is simulated", () => {
    const own = { MAVERICK_BASE_URL: 'https://cloud/v1', MAVERICK_API_KEY: 'own' };
    expect(newEnvironment('llm-router', own)).toMatchObject(own);
  });

  it('a real Ollama brings no simulated provider', () => {
    const environment = newEnvironment('llm-router', {}, { baseUrl: 'http://ollama:11434', isSimulated: false });
    expect(environment['OLLAMA_BASE_URL']).toBe('http://ollama:11434');
    expect(Object.keys(environment)).not.toContain('MAVERICK_BASE_URL');
    expect(Object.keys(environment)).not.toContain('LLM_SIMULATED');
  });
});

describe('the demo user', () => {
  const own = { DEMO_USER_EMAIL: 'me@example.com', DEMO_USER_PASSWORD: 'only I know it' };

  it.each([undefined, '', '127.0.0.1', '127.1.2.3', '::1', 'localhost'])('is there when HOST is %j', (HOST) => {
    expect(demoLogin({ HOST })).toEqual({ email: 'demo@tollgate.local', password: 'tollgate-demo' });
  });

  it.each(['0.0.0.0', '::', '192.0.2.7', '127.example.com'])('is not there when others reach HOST=%s', (HOST) => {
    expect(demoLogin({ HOST })).toBeUndefined();
    expect(Object.keys(newEnvironment('gateway', { HOST }))).not.toContain('DEMO_USER_PASSWORD');
  });

  it("is the operator's own wherever the gateway listens", () => {
    expect(demoLogin({ HOST: '0.0.0.0', ...own })).toEqual({ email: 'me@example.com', password: 'only I know it' });
  });
});

describe('the port of the gateway', () => {
  it('is 8080 unless PORT says otherwise', () => {
    expect(gatewayPort({})).toBe(8080);
    expect(gatewayPort({ PORT: '9000' })).toBe(9000);
  });

  it.each(['0', '65536', 'web', '80.5'])('%s is refused by name', (PORT) => {
    expect(() => gatewayPort({ PORT })).toThrow('PORT must be a number from 1 to 65535.');
  });
});
