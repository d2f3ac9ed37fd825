import { FrameRate } from './frame-rate.js';

it('lets two seconds of frames come at once, then as many a second as allowed, forever', () => {
  let now = 0;
  const rate = new FrameRate(10, () => now);
  const burst = () => Array.from({ length: 100 }, () => rate.take()).filter(Boolean).length;
  expect(burst()).toBe(20);
  now += 1_000;
  expect(burst()).toBe(10);
  now += 100;
  expect([rate.take(), rate.take()]).toEqual([true, false]);
  now += 3_600_000;
  expect(burst()).toBe(20);
});
