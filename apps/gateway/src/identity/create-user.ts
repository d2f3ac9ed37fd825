import { asService, Prisma, type Account, type Database, type User } from '@tollgate/database';
import { v7 as uuidv7 } from 'uuid';

const UNIQUE_VIOLATION = 'P2002';

interface NewUser {
  email: string;
  passwordHash: string;
  planCode: string;
  role?: 'account_admin' | 'admin';
}

export type UserWithAccount = User & { account: Account };

/** An account with its first user, who runs it; both or none. Undefined when the email is taken, also by somebody just now. */
export async function createUser(
  database: Database,
  { email, passwordHash, planCode, role = 'account_admin' }: NewUser,
): Promise<UserWithAccount | undefined> {
  try {
    const data = {
      id: uuidv7(),
      email,
      passwordHash,
      role,
      account: { create: { id: uuidv7(), planCode } },
    };
    return await asService(() => database.user.create({ data, include: { account: true } }));
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === UNIQUE_VIOLATION) return undefined;
    throw error;
  }
}
