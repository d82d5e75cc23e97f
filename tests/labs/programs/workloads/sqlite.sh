sqlite3 base <<'SQL'
pragma threads = 4;
create table t as with recursive c(i) as (select 1 union all select i + 1 from c where i < 300000)
    select i, (i * 7919) % 100003 as j from c;
create index x on t (j);
select count(*), sum(i), sum(j), max(j) from t;
select count(*) from (select j, count(*) c from t group by j having c > 2);
select sum(a.i) from t a join t b on a.i = b.j where b.i % 10 = 0;
vacuum;
pragma integrity_check;
SQL
