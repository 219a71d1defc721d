package config

import (
	"fmt"
	"strings"
)

// Reference returns docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("| file | flag | environment | default | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range Settings() {
		key, flag := code(s.Key), ""
		if s.NoFile {
			key = ""
		}
		if s.Flag != "" {
			flag = code("--" + s.Flag + " " + s.Arg)
		}
		meaning := s.Meaning
		if s.List {
			meaning += " (a list: the flag repeats, the variable is split at commas)"
			if s.Flag == "" {
				meaning = s.Meaning + " (a list)"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", or(key), or(flag), or(code(s.Env)), or(code(s.Default)), meaning)
	}
	b.WriteString(referenceURL)
	b.WriteString(referenceTail)
	return b.String()
}

// code marks text as code, and leaves prose as it is.
func code(text string) string {
	if text == "" || strings.Count(text, " ") > 1 {
		return text
	}
	return "`" + text + "`"
}

func or(cell string) string {
	if cell == "" {
		return "–"
	}
	return cell
}

const referenceHead = `# Configuration

<!-- Made from the table in config/settings.go: go test ./config -run Reference -update -->

A flag wins over the environment, which wins over the file, which wins over the default. A variable that is set to nothing counts as not set.
` + "`source.url` and `publish.url`" + ` have no default and must be given.

`

const referenceURL = `
## The source's URL

A password's characters other than letters, digits and ` + "`- . _ ~`" + ` are percent-encoded. Postgres takes the parameters of libpq, such as ` + "`sslmode=verify-full`" + `.

MySQL and MariaDB: ` + "`mysql://`" + ` is for MySQL, ` + "`mariadb://`" + ` for MariaDB, and the server met must be that. The database may be left out; where it is there, bare names in ` + "`source.tables`" + ` are tables of it. The parameters are:

| parameter | meaning |
| --- | --- |
| ` + "`tls`" + ` | ` + "`verify-full`" + ` (default), ` + "`verify-ca`" + ` (any host name), ` + "`require`" + ` (encrypted, nobody verified) or ` + "`disable`" + ` (default for a loopback address or a socket, if no certificate is named) |
| ` + "`tls_ca`" + ` | file with the authorities' certificates; default: the system's |
| ` + "`tls_cert`, `tls_key`" + ` | files with a certificate of our own and its key |
| ` + "`socket`" + ` | path of the server's socket, in place of a host |
| ` + "`connect_timeout`" + ` | seconds |

No mode falls back to a weaker one.

## The URL of a Kinesis stream

` + "`kinesis://stream`" + ` names a stream. Credentials do not stand in it: AWS's SDK finds them in the environment, in shared files, or by a role, as [kinesis.md](kinesis.md#credentials) says. The parameters are:

| parameter | meaning |
| --- | --- |
| ` + "`region`" + ` | such as eu-west-1; default: that of ` + "`AWS_REGION`" + `, ` + "`AWS_DEFAULT_REGION`" + ` or the shared files |
| ` + "`endpoint`" + ` | ` + "`http://host:port` or `https://host:port`" + `, for what answers in the service's stead; default: where the SDK finds the service, ` + "`AWS_ENDPOINT_URL_KINESIS` and `AWS_ENDPOINT_URL`" + ` included |
`

const referenceTail = `
## The file

` + "```yaml" + `
name: shop
source:
  url: postgres://tailrace:${env:DB_PASSWORD}@db.internal/shop?sslmode=verify-full
  tables: [public.*, "!public.audit_*"]
publish:
  url: file:///var/lib/tailrace/out
checkpoint: {url: "file:///var/lib/tailrace/shop.json", interval: 1s}
limits: {memory: 256MiB, drain: 25s}
admin: {listen: ":8085"}
` + "```" + `

Unknown keys, keys given twice, wrong types, variables that are not set and values out of rule are refused before any connection is made, all at once, each with its line and column. The process then exits with 1.

- [snapshots.md](snapshots.md) says what the modes of ` + "`source.snapshot`" + ` mean, and what copies of tables cost.
- A size is a whole number of bytes, or of KiB, MiB, GiB, kB, MB or GB. A duration has a unit: 500ms, 25s, 2m.
- Text that begins with ` + "`!`, `*` or `&`" + ` is put in quotes, as YAML wants.
- Anchors, aliases, tags and several documents in one file are refused.

## Secrets

` + "`${env:NAME}` stands for a variable and `${file:/run/secrets/name}`" + ` for the text of a file of at most 64KiB without its last line break, in every value of the file, the environment and the flags. Both must exist and hold something. A ` + "`${`" + ` that is meant as such is written ` + "`$${`" + `.

Inside a URL what is put in is percent-encoded, except in the host and where the reference begins the URL: a password needs no preparation, and a whole URL may come from one variable.

A password belongs in such a reference or in ` + "`TAILRACE_SOURCE`" + `. One that is typed into a flag works and is warned about, since the process list shows it. Tailrace prints ` + "`<secret>`" + ` in place of it everywhere.
`
