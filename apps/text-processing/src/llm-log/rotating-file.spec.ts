import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RotatingFile } from './rotating-file.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rotating-file-'));
});
afterEach(() => rm(directory, { recursive: true }));

const newFile = (path: string, options: { bytesMax: number; keptMax: number }) => {
  const lost: number[] = [];
  return { lost, file: new RotatingFile(path, options, (lines) => lost.push(lines)) };
};

describe('a rotating file', () => {
  it('begins anew before it would be too large, and keeps as many old ones as it may', async () => {
    const { file, lost } = newFile(join(directory, 'calls.log'), { bytesMax: 25, keptMax: 2 });
    for (let line = 0; line < 10; line += 1) {
      file.write(`line no. ${line}\n`);
      await file.flushed();
    }
    expect((await readdir(directory)).toSorted()).toEqual(['calls.log', 'calls.log.1', 'calls.log.2']);
    expect(await readFile(join(directory, 'calls.log'), 'utf8')).toBe('line no. 8\nline no. 9\n');
    expect(await readFile(join(directory, 'calls.log.1'), 'utf8')).toBe('line no. 6\nline no. 7\n');
    expect(await file.stats()).toMatchObject({ sizeBytes: 22, linesWritten: 10, rotatedFiles: 2 });
    expect(lost).toEqual([]);
  });

  it('goes on where another process has stopped', async () => {
    const path = join(directory, 'calls.log');
    for (const line of ['first\n', 'second\n']) {
      const { file } = newFile(path, { bytesMax: 1_000, keptMax: 2 });
      file.write(line);
      await file.flushed();
    }
    expect(await readFile(path, 'utf8')).toBe('first\nsecond\n');
  });

  it('says how many lines a disk that refuses has cost, and never fails its writer', async () => {
    const { file, lost } = newFile(join(directory, 'no', '\0', 'calls.log'), { bytesMax: 1_000, keptMax: 2 });
    file.write('one\n');
    file.write('two\n');
    await file.flushed();
    expect(lost).toEqual([2]);
  });
});
