import { hostToReach, LOOPBACK, type Login } from './environment.js';

export interface BannerFacts {
  /** Where the gateway listens. */
  host: string;
  port: number;
  /** Absent when there is no demo user. */
  login: Login | undefined;
  llm: { baseUrl: string; isSimulated: boolean };
}

/** What a person needs after the start: where it is, how to log in, and a call to paste. */
export function banner({ host, port, login, llm }: BannerFacts): string {
  const reached = hostToReach(host);
  const address = `http://${reached === LOOPBACK ? 'localhost' : reached}:${port}`;
  const model = llm.isSimulated
    ? 'SIMULATED: no Ollama answered, so every answer is made up. Start Ollama, or set OLLAMA_BASE_URL.'
    : llm.baseUrl;
  const enter = login ? 'login' : 'register';
  const credentials = JSON.stringify(login ?? { email: 'YOUR-EMAIL', password: 'YOUR-PASSWORD' });
  const access = login
    ? `Demo login  ${login.email} / ${login.password}`
    : `Demo login  none, because ${host} is not a loopback address: register, or set DEMO_USER_EMAIL and DEMO_USER_PASSWORD
              (the one that an earlier start on a loopback address created can still log in)`;
  const text = 'Tollgate is a gateway between an application and its language models. It meters every token.';
  const body = JSON.stringify({ text, task: 'summary', summary_type: 'brief', stream: true });
  return `
Tollgate is running.

  Gateway     ${address}
  API docs    ${address}/docs
  ${access}
  LLM         ${model}

Try it (Ctrl-C here stops everything):

TOKEN=$(curl -s ${address}/api/v1/auth/${enter} -H 'content-type: application/json' -d ${quote(credentials)} | sed 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/')
curl -N ${address}/api/v1/process-text -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d ${quote(body)}
`;
}

/** As one word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
