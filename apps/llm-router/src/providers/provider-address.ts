import { checkedLookup, classOfAddress, type AddressClass } from '@tollgate/outbound';
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/*
 * Whoever sets the URL of a provider is an operator, but the name in it is resolved by others, and the process can reach
 * what they cannot. So link-local addresses and the metadata of clouds are never called, and the own network only when the
 * operator said so: with `location: local`, with an address or `localhost` in the URL, or with `allow_private_addresses`.
 */

/** What can be said of a URL without resolving its name; undefined when nothing is wrong. */
export function problemOfBaseUrl(baseUrl: string): string | undefined {
  const url = URL.parse(baseUrl);
  if (!url || !['http:', 'https:'].includes(url.protocol)) return 'must be a URL that starts with http:// or https://';
  if (url.username || url.password) return 'must not have a user name or password in it: use api_key';
  if (classOfHost(url) === 'forbidden') return 'must not be a link-local or otherwise reserved address';
  return undefined;
}

/** Does the URL itself name a place in the own network? */
export function namesPrivateAddress(baseUrl: string): boolean {
  const url = URL.parse(baseUrl);
  return url !== null && (url.hostname === 'localhost' || classOfHost(url) === 'private');
}

/** For the connections of a provider: they go to the very address that was checked, whatever the name says a moment later. */
export function providerLookup(allowPrivate: boolean, resolve: LookupFunction = lookup): LookupFunction {
  const allowed: AddressClass[] = allowPrivate ? ['public', 'private'] : ['public'];
  return checkedLookup(resolve, (address) => allowed.includes(classOfAddress(address)));
}

/** Undefined for a name. The parser has brought every spelling of an address (0x7f.1, 2130706433) into one form. */
function classOfHost({ hostname }: URL): AddressClass | undefined {
  const literal = hostname.replace(/^\[|\]$/g, '');
  return isIP(literal) ? classOfAddress(literal) : undefined;
}
