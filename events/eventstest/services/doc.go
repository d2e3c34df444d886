// Package services finds for tests what scripts/services finds, starts or installs:
// a PostgreSQL server, on which each test gets a database of its own, a Redis server's
// program, a browser, a broker of Apache Kafka, on which each test has topics of its
// own, and Apache Kafka itself, of which a test may have a cluster of its own. [StartPostgres]
// and [StartRedis] start servers of a test's own, which it may kill, freeze and start again.
//
// Each is named by an environment variable, which ./scripts/test sets:
//
//	JANGBU_TEST_DATABASE_URL   a PostgreSQL database, as a role that may create others
//	JANGBU_TEST_POSTGRES_BIN   the directory of PostgreSQL's programs
//	JANGBU_TEST_REDIS_SERVER   the program of a Redis server
//	JANGBU_TEST_PGBOUNCER      the program of PgBouncer
//	JANGBU_TEST_CHROMIUM       the program of a browser
//	JANGBU_TEST_DUCKDB         the program of DuckDB
//	JANGBU_TEST_KAFKA_BROKERS  a broker of Apache Kafka on which topics can be created
//	JANGBU_TEST_JAVA           a program that runs Java
//	JANGBU_TEST_KAFKA_JARS     a directory with Apache Kafka
//
// A test whose variable is empty is skipped and says what it does not test; under
// CI=true it fails, so that a build cannot pass by leaving tests out.
package services
