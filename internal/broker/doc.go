// Package broker says how a Kafka cluster is reached: its addresses, TLS and
// login, and what an error of that means. Everything of Tailrace that speaks to
// brokers makes its clients with it.
package broker
