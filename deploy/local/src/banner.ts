export interface BannerFacts {
  port: number;
  login: { email: string; password: string };
  llm: { baseUrl: string; isSimulated: boolean };
}

/** What a person needs after the start: where it is, how to log in, and a call to paste. */
export function banner({ port, login, llm }: BannerFacts): string {
  const address = `http://localhost:${port}`;
  const model = llm.isSimulated
    ? 'SIMULATED: no Ollama answered, so every answer is made up. Start Ollama, or set OLLAMA_BASE_URL.'
    : llm.baseUrl;
  const credentials = JSON.stringify(login);
  const text = 'Tollgate is a gateway between an application and its language models. It meters every token.';
  const body = JSON.stringify({ text, task: 'summary', summary_type: 'brief', stream: true });
  return `
Tollgate is running.

  Gateway     ${address}
  API docs    ${address}/docs
  Demo login  ${login.email} / ${login.password}
  LLM         ${model}

Try it (Ctrl-C here stops everything):

TOKEN=$(curl -s ${address}/api/v1/auth/login -H 'content-type: application/json' -d ${quote(credentials)} | sed 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/')
curl -N ${address}/api/v1/process-text -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d ${quote(body)}
`;
}

/** As one word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
