/** The braces keep what one script touches in one slot of a cluster. */
export function limitKeys(accountId: string) {
  const prefix = `tollgate:limits:{${accountId}}`;
  return { any: `${prefix}:any`, minute: `${prefix}:minute`, day: `${prefix}:day`, running: `${prefix}:running` };
}
