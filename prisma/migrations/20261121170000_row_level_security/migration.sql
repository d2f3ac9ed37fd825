-- The second wall between accounts: Postgres itself shows a statement only the rows of the account that it runs for, so
-- that a query which forgets its account finds nothing of others. docs/security.md says how.
--
-- The services connect as somebody who is a member of both roles, and every statement says for whom it runs:
-- tollgate_app sees the account in the setting tollgate.account_id (none when it is not set), tollgate_service sees all.
-- Roles belong to the whole server, so they may be there already: from another database of it, or from whoever may create roles.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['tollgate_app', 'tollgate_service'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- Another database of this server was migrated at the same moment.
      END;
    END IF;
    IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO %I', wanted, current_user);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema, wanted);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', current_schema, wanted);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I', current_schema, wanted);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', current_schema, wanted);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE, SELECT ON SEQUENCES TO %I', current_schema, wanted);
  END LOOP;
END
$$;

-- Row policies do not bind TRUNCATE, so only the role that sees all may; the triggers of append-only tables refuse it to that, too.
DO $$ BEGIN
  EXECUTE format('GRANT TRUNCATE ON ALL TABLES IN SCHEMA %I TO tollgate_service', current_schema);
END $$;

-- Null, which equals nothing, for a statement that runs for no account.
CREATE FUNCTION "current_account"() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('tollgate.account_id', true), '')::uuid
$$;

-- `condition` says which rows belong to current_account(). A policy that is there is made anew.
CREATE FUNCTION "protect_rows"(guarded regclass, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  EXECUTE format('DROP POLICY IF EXISTS of_account ON %s', guarded);
  EXECUTE format('DROP POLICY IF EXISTS of_service ON %s', guarded);
  EXECUTE format('CREATE POLICY of_account ON %s TO tollgate_app USING (%s)', guarded, condition);
  EXECUTE format('CREATE POLICY of_service ON %s TO tollgate_service USING (true)', guarded);
END
$$;

-- For a table with the column account_id. A migration that adds one calls this for it; a test finds those that do not.
CREATE FUNCTION "protect_tenant_table"(guarded regclass) RETURNS void LANGUAGE sql AS $$
  SELECT protect_rows(guarded, 'account_id = current_account()')
$$;

-- For a table whose rows belong to a row of `parent`, and with it to an account: its policy holds here, too.
CREATE FUNCTION "protect_child_table"(guarded regclass, reference text, parent regclass) RETURNS void LANGUAGE sql AS $$
  SELECT protect_rows(guarded, format('EXISTS (SELECT FROM %s AS parent WHERE parent.id = %I)', parent, reference))
$$;

-- A partition that is read by its own name, and not through the table, has its own policy.
CREATE OR REPLACE FUNCTION "guard_usage_partition"(partition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER usage_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger()', partition);
  PERFORM protect_tenant_table(partition::regclass);
END
$$;

-- Making a partition needs the owner of the table, whom the service is not: it may only ask for this.
ALTER FUNCTION "make_usage_partitions"(date) SECURITY DEFINER SET search_path FROM CURRENT;
REVOKE EXECUTE ON FUNCTION "make_usage_partitions"(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "make_usage_partitions"(date) TO tollgate_service;

SELECT protect_tenant_table(attrelid::regclass)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE attname = 'account_id' AND relkind IN ('r', 'p') AND relnamespace = current_schema::regnamespace AND NOT attisdropped;
SELECT protect_rows('account', 'id = current_account()');
SELECT protect_child_table('refresh_token', 'user_id', 'app_user');
SELECT protect_child_table('chat_message', 'session_id', 'chat_session');
SELECT protect_child_table('llm_batch_prompt', 'batch_id', 'llm_batch');
