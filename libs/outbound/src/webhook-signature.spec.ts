import { newWebhookSecret, signWebhook, verifyWebhook, webhookHeaders } from './webhook-signature.js';

describe('signed webhooks', () => {
  it('are signed as the example of Standard Webhooks is', () => {
    const signature = signWebhook(
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330,
      '{"test": 2432232314}',
    );
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('are known to holders of the old and of the new secret during a rotation, and to nobody else', () => {
    const [old, fresh, other] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()];
    const now = new Date();
    const headers = webhookHeaders([fresh, old], 'id', Math.floor(now.getTime() / 1_000), '{}');
    expect([old, fresh, other].map((secret) => verifyWebhook(secret, headers, '{}', now))).toEqual([true, true, false]);
  });

  it('do not outlive five minutes, another body or another id', () => {
    const secret = newWebhookSecret();
    const now = new Date();
    const headers = webhookHeaders([secret], 'id', Math.floor(now.getTime() / 1_000), '{}');
    expect(verifyWebhook(secret, headers, '{ }', now)).toBe(false);
    expect(verifyWebhook(secret, { ...headers, 'webhook-id': 'other' }, '{}', now)).toBe(false);
    expect(verifyWebhook(secret, headers, '{}', new Date(now.getTime() + 302_000))).toBe(false);
    expect(verifyWebhook(secret, { ...headers, 'webhook-timestamp': 'soon' }, '{}', now)).toBe(false);
  });
});
