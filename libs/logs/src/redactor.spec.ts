import fc from 'fast-check';
import { Redactor } from './redactor.js';

const jwt = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0', 'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'].join(
  '.',
);

describe('Redactor', () => {
  it.each([
    ['mail to jane.doe+logs@mail.example.org failed', 'mail to <EMAIL_1> failed'],
    ['from 192.168.17.4 to 10.0.0.12:8080, again 192.168.17.4', 'from <IP_1> to <IP_2>:8080, again <IP_1>'],
    ['peer 2001:db8::8a2e:370:7334 left', 'peer <IP_1> left'],
    ['device 00:1B:44:11:3A:B7 joined', 'device <MAC_1> joined'],
    ['card 4111 1111 1111 1111 declined', 'card <CARD_1> declined'],
    ['transfer to DE89 3704 0044 0532 0130 00 booked', 'transfer to <IBAN_1> booked'],
    [`session ${jwt} opened`, 'session <JWT_1> opened'],
    ['Authorization: Bearer abc123def456ghi789', 'Authorization: Bearer <AUTHORIZATION_1>'],
    ['Authorization: Basic dXNlcjpwYXNzd29yZA==', 'Authorization: Basic <AUTHORIZATION_1>'],
    ['connect postgres://app:s3cr3t@db:5432/shop', 'connect postgres://<CREDENTIALS_1>@db:5432/shop'],
    ['Cookie: sid=8f2c1d; theme=dark', 'Cookie: <COOKIE_1>'],
    [`key ${['AKIA', 'IOSFODNN7EXAMPLE'].join('')} used`, 'key <TOKEN_1> used'],
    [`push with ${'ghp_'}${'a1B2'.repeat(9)} refused`, 'push with <TOKEN_1> refused'],
    [`npm login ${'npm_'}${'a1B2c3'.repeat(6)}`, 'npm login <TOKEN_1>'],
    [`using ${'sk-'}${'Ab3dEf6h'.repeat(4)}`, 'using <TOKEN_1>'],
    [`slack ${'xoxb-'}${'1234567890-abcdef'}`, 'slack <TOKEN_1>'],
    ['login user=bob password=hunter2 ok', 'login user=bob password=<SECRET_1> ok'],
    ['{"user":"bob","password":"correct horse"}', '{"user":"bob","password":"<SECRET_1>"}'],
    ['db_password: swordfish', 'db_password: <SECRET_1>'],
    ['access_token=9f8e7d6c5b4a39281706', 'access_token=<SECRET_1>'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----', '<PRIVATE_KEY_1>'],
  ])('replaces what is secret or personal in %j', (text, expected) => {
    const redactor = new Redactor();
    expect(redactor.redact(text)).toBe(expected);
    expect(redactor.restore(expected)).toBe(text);
  });

  it.each([
    'Receiving block blk_-1608999687919862906 of size 67108864',
    'request 550e8400-e29b-41d4-a716-446655440000 took 12 ms',
    'trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7',
    'started version 1.2.3.4 on 127.0.0.1:8080',
    '2026-03-01 12:30:45,123 at 12:30:45 on 03:04:05',
    'order 4111111111111112 shipped',
    'commit 9fceb02d0ae598e95dc970b74767f19372d61af8 built',
    'epoch 1767225600123 and 1767225600123456789',
    'token expired, token: invalid, password: required',
    'cache key=user:42 hit, key: orders',
    'basic checks passed; bearer of bad news',
    'cookie banner shown; cookie: none',
    'ratio 10.25.3 of 3.14.15.9.2',
    'see http://example.org:8080/a@b and ssh://git@host/x',
    'passed 12 of 14 tests, pass=true',
    'decorator @Injectable at foo@bar',
    'DE00370400440532013000 is no account',
    'std::vector::push_back, com.acme::Widget, a::b',
    'node e4:5f is up, ff:ff',
    'password=****** secret=<redacted> api_key=${API_KEY}',
  ])('leaves %j as it is', (text) => expect(new Redactor().redact(text)).toBe(text));

  it('restores whatever it redacted, and redacting twice changes nothing', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
      fc.emailAddress(),
      fc.uuid(),
      fc.constantFrom('password=', 'Bearer ', ' ', '"', 'token: ', 'a1b2c3d4e5', 'cookie: a='),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join(' ');
        fc.pre(!/<[A-Z_]+_\d+>/.test(text));
        const redactor = new Redactor();
        const redacted = redactor.redact(text);
        expect(redactor.restore(redacted)).toBe(text);
        expect(redactor.redact(redacted)).toBe(redacted);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no more than linear time for long lines of one character', () => {
    for (const character of ['a', '1', '.', ':', '@', '-', ' ', '=', 'eyJ', '1.', 'a@', '::', '1 ']) {
      expect(new Redactor().redact(character.repeat(200_000)).length).toBeGreaterThan(0);
    }
  });

  it('counts different values by kind', () => {
    const redactor = new Redactor();
    redactor.redact('10.1.1.1 10.1.1.2 10.1.1.1 a@example.org');
    expect(redactor.counts()).toEqual({ IP: 2, EMAIL: 1 });
  });
});
