import { createPrivateKey } from 'node:crypto';
import { SigningKey } from './signing-key.js';

const jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
};
const key = new SigningKey(
  createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' }).toString(),
);

describe('the signing key', () => {
  it('publishes its public half only, named by its RFC 7638 thumbprint', () => {
    // The key of RFC 7517, appendix A.1; the thumbprint as jose computes it.
    expect(key.jwk).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: jwk.x,
      y: jwk.y,
      kid: 'cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s',
      alg: 'ES256',
      use: 'sig',
    });
  });

  it('derives one secret for a purpose, and another one for another', () => {
    expect(key.deriveSecret('a')).toHaveLength(32);
    expect(key.deriveSecret('a')).toEqual(key.deriveSecret('a'));
    expect(key.deriveSecret('a')).not.toEqual(key.deriveSecret('b'));
  });
});
