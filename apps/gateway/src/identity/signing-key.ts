import type { JsonWebKeySet } from '@tollgate/contracts';
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';

/** The key pair behind access tokens: ES256, on the curve P-256. */
export class SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Names the key in a token's header: its RFC 7638 thumbprint. */
  readonly id: string;
  private readonly coordinates: { x: string; y: string };

  constructor(privateKeyPem: string) {
    this.privateKey = createPrivateKey(privateKeyPem);
    this.publicKey = createPublicKey(this.privateKey);
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
