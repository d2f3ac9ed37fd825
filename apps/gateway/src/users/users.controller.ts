import { Caller, type MeResponse } from '@tollgate/contracts';
import { Controller, Get, Header } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, serverErrors, tokenErrors } from '../http/openapi.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { AnyScope } from '../identity/permissions.js';
import { UsersService } from './users.service.js';

@ApiTags('users')
@ApiBearerAuth()
@AnyScope()
@Controller('api/v1/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get('me')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: "Who I am, my tier, this month's tokens and today's calls" })
  @Answers({ json: 'MeResponse', errors: [...tokenErrors, ...serverErrors] })
  me(@CurrentCaller() caller: Caller): Promise<MeResponse> {
    return this.users.describe(caller);
  }
}
