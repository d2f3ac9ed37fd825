import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { randomBytes } from 'node:crypto';

/** OWASP's first choice: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

@Injectable()
export class Passwords {
  private decoy: Promise<string> | undefined;

  /** argon2id, the library's default. */
  hash(password: string): Promise<string> {
    return hash(password, cost);
  }

  /** Takes as long without a hash as with one, so that the time does not tell which emails are registered. */
  async matches(password: string, passwordHash: string | undefined): Promise<boolean> {
    this.decoy ??= this.hash(randomBytes(16).toString('hex'));
    const matches = await verify(passwordHash ?? (await this.decoy), password);
    return matches && passwordHash !== undefined;
  }
}
