import { checkOrigin, checkSubprotocol } from './handshake.js';

const app = 'https://app.example.com';

describe('a handshake', () => {
  it.each([undefined, app])('from the origin %s is let in', (origin) => {
    expect(() => checkOrigin({ origin }, [app])).not.toThrow();
  });

  it.each(['https://evil.example.com', 'http://app.example.com', `${app}.evil.com`, `${app}:8443`, 'null', '', '*'])(
    'from the origin "%s" is refused',
    (origin) => {
      expect(() => checkOrigin({ origin, host: 'evil.example.com' }, [app])).toThrow(
        expect.objectContaining({ code: 'forbidden' }),
      );
    },
  );

  it.each([undefined, 'tollgate.chat.v1', 'chat, tollgate.chat.v1'])('may offer the subprotocols %s', (offered) => {
    expect(() => checkSubprotocol({ 'sec-websocket-protocol': offered })).not.toThrow();
  });

  it.each(['chat', 'tollgate.chat.v2', ''])('that offers only "%s" is refused', (offered) => {
    expect(() => checkSubprotocol({ 'sec-websocket-protocol': offered })).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});
