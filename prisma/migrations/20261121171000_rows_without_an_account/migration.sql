-- Rows that belong to a row of an account.
SELECT protect_child_table('invoice_line', 'invoice_id', 'invoice');
SELECT protect_child_table('log_chunk', 'upload_id', 'log_upload');
SELECT protect_child_table('log_job_part', 'job_id', 'log_job');
SELECT protect_child_table('webhook_attempt', 'delivery_id', 'webhook_delivery');

-- Rows of no account, or of all together: for the service and for admins, who read as it does.
SELECT protect_rows(of_all, 'false')
FROM unnest(ARRAY['invoice_number', 'provider_export', 'provider_export_day', 'usage_total', 'usage_totals_state']::regclass[]) AS of_all;

-- A late entry of one account is added to the totals of all.
ALTER FUNCTION "total_late_entries"() SECURITY DEFINER SET search_path FROM CURRENT;
