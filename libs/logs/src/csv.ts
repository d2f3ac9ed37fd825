/** A row of RFC 4180 with its line break; quotes only where they are needed. */
export function csvRow(fields: readonly (string | number | undefined)[]): string {
  return `${fields.map((field) => (field === undefined ? '' : quoted(String(field)))).join(',')}\n`;
}

function quoted(field: string): string {
  return /[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
