import { AppError, Caller, type WebSocketTicket } from '@tollgate/contracts';
import { currentRequest } from '@tollgate/observability';
import { Controller, Get, Header, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ExtractJwt } from 'passport-jwt';
import { Answers, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { CostsNothing } from '../limits/route-kind.js';
import { ClientFrames } from './client-frames.service.js';
import { Connection } from './connection.js';
import { Connections } from './connections.service.js';
import { Credentials } from './credentials.service.js';
import { checkOrigin, checkSubprotocol } from './handshake.js';
import { chatPaths } from './ticket-handshakes.js';
import { Tickets } from './tickets.service.js';
import { Upgrader } from './upgrades.js';
import { WEB_SOCKET_OPTIONS, type WebSocketOptions } from './web-socket-options.js';

const bearerOf = ExtractJwt.fromAuthHeaderAsBearerToken();

@ApiTags('websocket')
@ApiBearerAuth()
@Controller()
export class WebSocketController {
  private readonly upgrader: Upgrader;

  constructor(
    @Inject(WEB_SOCKET_OPTIONS) private readonly options: WebSocketOptions,
    private readonly connections: Connections,
    private readonly frames: ClientFrames,
    private readonly credentials: Credentials,
    private readonly tickets: Tickets,
  ) {
    this.upgrader = new Upgrader(options.frameBytesMax);
  }

  @Get(chatPaths)
  @ApiQuery({
    name: 'ticket',
    required: false,
    type: String,
    description: 'In place of an Authorization header, for browsers',
  })
  @ApiOperation({
    summary: 'A WebSocket: conversations and chat sessions, token by token',
    description:
      'The handshake of the subprotocol `tollgate.chat.v1`. The client sends `WebSocketClientFrame`s and hears ' +
      '`WebSocketServerFrame`s, each one JSON object in a text frame. Closed with 1003 (binary frame), 1009 (too large), ' +
      '1012 (this gateway stops), 4401 (token expired or revoked), 4429 (too many frames).',
  })
  @Answers({
    status: 101,
    errors: ['invalid_request', ...tokenErrors, 'forbidden', 'overloaded', 'shutting_down', ...serverErrors],
  })
  connect(@CurrentCaller() caller: Caller, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    checkOrigin(request.headers, this.options.origins);
    checkSubprotocol(request.headers);
    this.connections.checkRoom(caller);
    const { traceparent = '' } = currentRequest() ?? {};
    const credential = this.credentials.of(tokenOf(request));
    const socket = this.upgrader.upgrade(request, reply);
    const connection = new Connection(socket, this.options, { id: request.id, traceparent, caller, credential });
    this.connections.add(connection, (frame) => this.frames.handle(connection, frame));
  }

  @CostsNothing()
  @Post('api/v1/ws/tickets')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'A ticket for one handshake at /ws/chat, good for seconds, in place of this token' })
  @Answers({ status: 201, json: 'WebSocketTicket', errors: [...tokenErrors, 'forbidden', ...serverErrors] })
  issueTicket(@Req() request: FastifyRequest): Promise<WebSocketTicket> {
    return this.tickets.issue(tokenOf(request));
  }
}

/** What the guard has verified. */
function tokenOf(request: FastifyRequest): string {
  const token = bearerOf(request);
  if (token === null) throw new AppError('unauthenticated', 'The request is not authenticated.');
  return token;
}
