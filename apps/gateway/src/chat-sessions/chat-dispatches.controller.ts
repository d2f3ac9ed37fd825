import { ChatDispatch, ChatDispatchPage, getDispatch, listDispatches, sendDispatch } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, serviceErrors } from '../http/openapi.js';
import { CostsNothing } from '../limits/route-kind.js';
import { ExistingDispatchId } from './existing-id.pipe.js';
import { DispatchesQuery } from './queries.js';

/** Generated objects on their way to other APIs. */
@ApiTags('chat sessions')
@ApiBearerAuth()
@Controller('api/v1/chat/dispatches')
export class ChatDispatchesController {
  constructor(private readonly messages: Messages) {}

  @Get()
  @ApiOperation({ summary: 'What became of my generated objects, the newest first' })
  @Answers({ json: 'ChatDispatchPage', errors: [...serviceErrors, 'invalid_request'] })
  list(@Query({ schema: DispatchesQuery }) query: DispatchesQuery): Promise<ChatDispatchPage> {
    return this.messages.send(listDispatches, query);
  }

  @Get(':dispatch_id')
  @ApiOperation({ summary: 'What became of one generated object' })
  @Answers({ json: 'ChatDispatch', errors: [...serviceErrors, 'not_found'] })
  get(@Param('dispatch_id', ExistingDispatchId) dispatch_id: string): Promise<ChatDispatch> {
    return this.messages.send(getDispatch, { dispatch_id });
  }

  @CostsNothing()
  @Post(':dispatch_id/send')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send a dry run, or again what failed' })
  @Answers({ json: 'ChatDispatch', errors: [...serviceErrors, 'invalid_request', 'not_found'] })
  send(@Param('dispatch_id', ExistingDispatchId) dispatch_id: string): Promise<ChatDispatch> {
    return this.messages.send(sendDispatch, { dispatch_id });
  }
}
