import { execFileSync } from 'node:child_process';
import { banner } from './banner.js';

const facts = {
  host: '127.0.0.1',
  port: 8081,
  login: { email: 'demo@tollgate.local', password: "it's" },
  llm: { baseUrl: 'http://127.0.0.1:5000', isSimulated: true },
};

describe('the banner', () => {
  it('says plainly whether the answers are simulated', () => {
    expect(banner(facts)).toContain('SIMULATED');
    expect(banner({ ...facts, llm: { baseUrl: 'http://ollama:11434', isSimulated: false } })).not.toContain(
      'SIMULATED',
    );
  });

  it('without a demo user shows how to register, with an email that must be put in first', () => {
    const text = banner({ ...facts, host: '0.0.0.0', login: undefined });
    expect(text).toContain('/api/v1/auth/register');
    expect(text).toContain('YOUR-EMAIL');
    expect(text).not.toContain('/auth/login');
  });

  it('names an address at which the gateway listens', () => {
    expect(banner({ ...facts, host: '::' })).toContain('http://localhost:8081/docs');
    expect(banner({ ...facts, host: '192.0.2.7' })).toContain('http://192.0.2.7:8081/docs');
    expect(banner({ ...facts, host: '2001:db8::7' })).toContain('http://[2001:db8::7]:8081/docs');
  });

  it('the commands to paste log in, keep the token and send it', () => {
    const commands = banner(facts)
      .split('\n')
      .filter((line) => /^(TOKEN=|curl)/.test(line));
    // The shell runs them with a curl that answers the first call like the gateway and prints what the second sends.
    const curl = `curl() { case "$*" in *auth/login*) echo '{"access_token": "a.b-c_d","expires_in":900}';; *) printf '%s\\n' "$@";; esac; }`;
    const printed = execFileSync('/bin/sh', ['-c', [curl, ...commands].join('\n')], { encoding: 'utf8' });
    const words = printed.trim().split('\n');
    expect(words).toContain('authorization: Bearer a.b-c_d');
    expect(words).toContain('http://localhost:8081/api/v1/process-text');
    expect(JSON.parse(words.at(-1) ?? '')).toMatchObject({ task: 'summary', summary_type: 'brief', stream: true });
  });
});
