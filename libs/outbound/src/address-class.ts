import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** `private`: may be called when the operator allows it. `forbidden`: never. */
export type AddressClass = 'public' | 'private' | 'forbidden';

// From IANA's registries of special-purpose addresses, and what clouds use for their metadata.
const forbidden4 = blockList('ipv4', [
  '0.0.0.0/8',
  '100.100.100.200/32', // Alibaba's metadata
  '168.63.129.16/32', // Azure's host, in a public range
  '169.254.0.0/16', // link-local, and most clouds' metadata
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]);
const private4 = blockList('ipv4', [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '198.18.0.0/15',
]);
const public6 = blockList('ipv6', ['2000::/3']);
const forbidden6 = blockList('ipv6', [
  '2001::/23', // Teredo and other tunnels: they carry an IPv4 address that nobody has checked
  '2001:db8::/32',
  '2002::/16', // 6to4
  '3fff::/20',
  'fd00:ec2::254/128', // Amazon's metadata
  'fd20:ce::254/128', // Google's metadata
]);
const private6 = blockList('ipv6', ['::1/128', 'fc00::/7']);

/** @param address an IP address as text; anything else is `forbidden` */
export function classOfAddress(address: string): AddressClass {
  if (isIPv4(address)) return classOf4(address);
  if (!isIPv6(address)) return 'forbidden';
  const mapped = mappedIPv4(address);
  if (mapped !== undefined) return classOf4(mapped);
  if (forbidden6.check(address, 'ipv6')) return 'forbidden';
  if (private6.check(address, 'ipv6')) return 'private';
  return public6.check(address, 'ipv6') ? 'public' : 'forbidden';
}

function classOf4(address: string): AddressClass {
  if (forbidden4.check(address, 'ipv4')) return 'forbidden';
  return private4.check(address, 'ipv4') ? 'private' : 'public';
}

/** The kernel takes ::ffff:10.0.0.1 for 10.0.0.1. The URL parser gives every spelling the same form. */
function mappedIPv4(address: string): string | undefined {
  const normal = URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname;
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(normal ?? '') ?? [];
  if (high === undefined || low === undefined) return undefined;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join('.');
}

function blockList(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}
