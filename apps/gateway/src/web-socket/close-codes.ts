/**
 * With which a connection is closed by this side; 4000 and above are ours to define (RFC 6455, section 7.4.2). The library
 * itself closes with 1002 (not the protocol), 1007 (not UTF-8) and 1009 (a frame that is too large).
 */
export const closeCodes = {
  /** A binary frame. */
  unsupportedData: 1003,
  /** This gateway stops; another one is there. */
  serviceRestart: 1012,
  /** The token has expired or was revoked, or its user is gone. */
  unauthenticated: 4401,
  /** More frames a second than allowed. */
  tooManyFrames: 4429,
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];
