import type { JsonWebKeySet } from '@tollgate/contracts';
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';

export interface SigningKeySource {
  /** The first one signs. */
  keys: [SigningKey, ...SigningKey[]];
  /** The file that they come from. */
  path?: string;
}

/**
 * The keys of one or more PKCS #8 PEM blocks, in their order.
 * @throws Error when a block is no private key of the curve P-256, a key stands there twice, or there is none
 */
export function readSigningKeys(pem: string): SigningKeySource['keys'] {
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? [];
  const [first, ...others] = blocks.map((block) => new SigningKey(block));
  if (!first) throw new Error('there is no private key in it');
  const keys: SigningKeySource['keys'] = [first, ...others];
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw new Error('a key stands in it twice');
  return keys;
}

/** The key pair behind access tokens: ES256, on the curve P-256. */
export class SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicKeyPem: string;
  /** Names the key in a token's header: its RFC 7638 thumbprint. */
  readonly id: string;
  private readonly coordinates: { x: string; y: string };

  constructor(privateKeyPem: string) {
    this.privateKey = createPrivateKey(privateKeyPem);
    if (this.privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('a key is not of P-256');
    this.publicKey = createPublicKey(this.privateKey);
    this.publicKeyPem = this.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    const { x = '', y = '' } = this.publicKey.export({ format: 'jwk' });
    this.coordinates = { x, y };
    // The members that the RFC names, in its order: the hash is over these very bytes.
    this.id = createHash('sha256')
      .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
      .digest('base64url');
  }

  get jwk(): JsonWebKeySet['keys'][number] {
    return { kty: 'EC', crv: 'P-256', ...this.coordinates, kid: this.id, alg: 'ES256', use: 'sig' };
  }

  /** A secret of 256 bits for one purpose, that nobody without the private key can compute (HKDF, RFC 5869). */
  deriveSecret(purpose: string): Buffer {
    const secret = this.privateKey.export({ format: 'der', type: 'pkcs8' });
    return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
  }
}
