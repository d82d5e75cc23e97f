-- Views over the reports of many hosts, for DuckDB 1.1 and later.
--
--   SET VARIABLE reports = 'reports/**/*.ndjson';
--   .read views.sql
--
-- The reports are what `rseqctl audit`, `rseqctl ps` and `rseqctl doctor` write
-- with `--fleet --format ndjson`, in files of any name, together or apart.

-- Every row of every report. The types stand here, so that files with other keys
-- can stand side by side, and keys of later versions do no harm.
CREATE OR REPLACE VIEW report_rows AS
SELECT *
FROM read_json(
    getvariable('reports'),
    format = 'newline_delimited',
    -- a process with many threads has a long line
    maximum_object_size = 268435456,
    columns = {
        -- all
        report: 'VARCHAR', host: 'VARCHAR', hostname: 'VARCHAR', boot: 'VARCHAR',
        time: 'TIMESTAMP',
        -- audit and ps
        build_id: 'VARCHAR',
        findings: 'STRUCT(rule VARCHAR, level VARCHAR, path VARCHAR, message VARCHAR)[]',
        -- audit
        path: 'VARCHAR',
        symbols: 'STRUCT(name VARCHAR, role VARCHAR, binding VARCHAR, visibility VARCHAR,
                         "table" VARCHAR, size UBIGINT)[]',
        tls_model: 'VARCHAR', critical_sections: 'UBIGINT',
        -- ps
        pid: 'UBIGINT', name: 'VARCHAR', uid: 'UBIGINT', exe: 'VARCHAR', command: 'VARCHAR[]',
        owner: 'VARCHAR', because: 'VARCHAR',
        registered: 'UBIGINT', unregistered: 'UBIGINT', "unknown": 'UBIGINT',
        objects: 'STRUCT(path VARCHAR, build_id VARCHAR, defines VARCHAR, uses VARCHAR[],
                         unloadable BOOLEAN)[]',
        missing: 'VARCHAR[]',
        -- doctor
        kernel: 'STRUCT(release VARCHAR, architecture VARCHAR)',
        verdicts: 'STRUCT(verdict VARCHAR, level VARCHAR, title VARCHAR, "action" VARCHAR)[]'
    }
);

-- Each report that was made.
CREATE OR REPLACE VIEW runs AS
SELECT DISTINCT report, host, hostname, boot, time FROM report_rows;

-- The last report of each kind and host, and the last one of an earlier day (UTC).
CREATE OR REPLACE VIEW last_runs AS
WITH last AS (
    SELECT report, host, max(time) AS time FROM runs GROUP BY report, host
)
SELECT
    last.report, last.host, last.time,
    (
        SELECT max(runs.time) FROM runs
        WHERE runs.report = last.report AND runs.host = last.host
          AND runs.time < date_trunc('day', last.time)
    ) AS before
FROM last;

-- The rows of the last reports only.
CREATE OR REPLACE VIEW now_rows AS
SELECT report_rows.* FROM report_rows JOIN last_runs USING (report, host, time);

-- What a path belongs to: the package, wheel or image that it is in, the Python or
-- npm package or the folder of /opt that it is installed in, else the path itself.
CREATE OR REPLACE MACRO package(path) AS
CASE
    WHEN contains(path, '!')
        THEN regexp_extract(split_part(path, '!', 1), '([^/]+)$', 1)
    WHEN contains(path, '/node_modules/')
        THEN regexp_extract(path, '.*/node_modules/((@[^/]+/)?[^/]+)/', 1)
    WHEN regexp_matches(path, '/(site|dist)-packages/')
        THEN regexp_extract(path, '.*/(?:site|dist)-packages/([^/]+)', 1)
    WHEN starts_with(path, '/opt/')
        THEN regexp_extract(path, '^/opt/([^/]+)', 1)
    ELSE path
END;

-- The files that define `__rseq_abi`, by what the audit found.
CREATE OR REPLACE VIEW definers AS
SELECT
    host, time, package(path) AS package, path, build_id,
    symbol."table" = 'dynsym' AND symbol.binding <> 'local'
        AND symbol.visibility IN ('default', 'protected') AS exported
FROM (SELECT *, unnest(symbols) AS symbol FROM now_rows WHERE report = 'audit')
WHERE symbol.name = '__rseq_abi' AND symbol.role = 'defines';

-- Which packages define the symbol, and on how many hosts.
CREATE OR REPLACE VIEW defining_packages AS
SELECT
    package,
    count(DISTINCT host) AS hosts,
    count(DISTINCT build_id) AS builds,
    bool_or(exported) AS exported,
    list(DISTINCT host ORDER BY host) AS on_hosts
FROM definers
GROUP BY package
ORDER BY hosts DESC, package;

-- Processes with two claims to the one registration of a thread: an object has an
-- `__rseq_abi` of its own, and somebody else holds the registration or has another.
CREATE OR REPLACE VIEW colliding AS
SELECT
    host, time, pid, exe, build_id,
    finding.path AS definer,
    finding.rule AS rule,
    owner,
    registered AS threads
FROM (SELECT *, unnest(findings) AS finding FROM now_rows WHERE report = 'ps')
WHERE finding.rule IN ('refused-client', 'second-definer')
ORDER BY host, exe, pid;

-- Which hosts run a colliding pair.
CREATE OR REPLACE VIEW colliding_hosts AS
SELECT
    host, definer, owner,
    count(DISTINCT pid) AS processes,
    sum(threads) AS threads
FROM colliding
GROUP BY host, definer, owner
ORDER BY host, definer;

-- Processes that use rseq on a host whose kernel breaks it, by what the doctor saw.
CREATE OR REPLACE VIEW at_risk AS
SELECT DISTINCT ps.host, ps.pid, ps.exe, ps.owner, doctor.verdict, doctor.title
FROM (
    SELECT host, pid, exe, owner, unnest(objects) AS object
    FROM now_rows WHERE report = 'ps'
) AS ps
JOIN (
    SELECT host, unnest(verdicts, recursive := true)
    FROM now_rows WHERE report = 'doctor'
) AS doctor USING (host)
WHERE ps.object.defines IS NOT NULL
  AND ps.owner IN ('client', 'adopter')
  AND doctor.verdict IN ('cpu-id-start-kept', 'critical-sections-do-not-abort',
                         'cpu-id-start-kills');

-- One line per thing worth a comparison: what is said, and of what.
CREATE OR REPLACE VIEW statements AS
SELECT report, host, time, path AS subject,
       'defines __rseq_abi, build id ' || coalesce(build_id, 'none') AS statement
FROM (SELECT *, unnest(symbols) AS symbol FROM report_rows WHERE report = 'audit')
WHERE symbol.name = '__rseq_abi' AND symbol.role = 'defines'
UNION
SELECT report, host, time, coalesce(finding.path, path, exe, name), finding.rule
FROM (SELECT *, unnest(findings) AS finding FROM report_rows)
UNION
SELECT report, host, time, coalesce(exe, name), 'is owned by ' || owner
FROM report_rows WHERE report = 'ps' AND owner IS NOT NULL
UNION
SELECT report, host, time, 'the host', verdict
FROM (SELECT report, host, time, unnest(verdicts, recursive := true)
      FROM report_rows WHERE report = 'doctor');

-- What changed since yesterday: between the last report of each kind and host and
-- the last one of an earlier day. Hosts without an earlier one are left out.
CREATE OR REPLACE VIEW changes AS
WITH new AS (
    SELECT DISTINCT statements.report, statements.host, subject, statement
    FROM statements JOIN last_runs USING (report, host, time)
    WHERE before IS NOT NULL
),
old AS (
    SELECT DISTINCT statements.report, statements.host, subject, statement
    FROM statements JOIN last_runs
      ON statements.report = last_runs.report AND statements.host = last_runs.host
     AND statements.time = last_runs.before
)
SELECT 'new' AS change, * FROM (FROM new EXCEPT FROM old)
UNION ALL
SELECT 'gone' AS change, * FROM (FROM old EXCEPT FROM new)
ORDER BY host, report, subject, statement, change;
