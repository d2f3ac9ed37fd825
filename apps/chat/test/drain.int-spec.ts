import { sendMessage } from '@tollgate/contracts';
import { Chatter, startChatService } from './chat-under-test.js';

it('a replica that is told to stop first finishes an answer that its reader has left', async () => {
  const chat = await startChatService();
  const user = await Chatter.arrive(chat);
  const session = await user.start('Hello');
  chat.simulator.setPace({ tokensPerSecond: 60 });
  const question = { session_id: session, user_message: 'Tell me. SIMULATE_TOKENS=90', on_conflict: 'wait' as const };
  await user.readSome((messages) => messages.stream(sendMessage, question), 3);
  await chat.app.close();
  // The client of a database connects again by itself.
  const [answer] = await chat.database.chatMessage.findMany({
    where: { sessionId: session },
    orderBy: { position: 'desc' },
  });
  expect(answer).toMatchObject({ state: 'complete', finishReason: 'stop' });
  expect(chat.simulator.calls().map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
  await chat.database.$disconnect();
  await chat.stop();
}, 60_000);
