-- I11 idle: runs that did not complete
SELECT run_id, workflow || ' is ' || state || COALESCE(', ' || error, '')
FROM audit_workflow_runs WHERE state <> 'completed'
ORDER BY 1;
