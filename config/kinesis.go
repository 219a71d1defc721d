package config

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kinesis holds what only the sink Kinesis has.
type Kinesis struct {
	Stream   string
	Region   string // "" for that of AWS's own configuration
	Endpoint string // http://host:port or https://host:port; "" for where AWS has the service
	Packing  string // PackingLines, PackingNone or PackingKPL
}

// The choices of Kinesis.Packing.
const (
	PackingLines = "lines" // the events that wait for the lane, in one record, a line each
	PackingNone  = "none"  // one event per record
	PackingKPL   = "kpl"   // as lines, in the aggregation of the Kinesis Producer Library
)

const wantStream = "expected kinesis://stream, with ?region=eu-west-1 and &endpoint=http://host:port where they are needed; credentials do not stand in it: AWS's SDK finds them in the environment, in shared files, or by a role"

var (
	packings = choice{built: []string{PackingLines, PackingNone, PackingKPL}}

	streamParameters = []string{"region", "endpoint"}

	streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)
	// A region is part of a host's name.
	regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// maxRegion is the longest part of a host's name.
const maxRegion = 63

// setStream reads the URL of a stream. Its errors quote nothing of the URL, which
// may hold what somebody took for a place of credentials.
func setStream(c *Config, text string) error {
	rest, ok := strings.CutPrefix(text, "kinesis://")
	if !ok || strings.ContainsAny(rest, "@#") {
		return errors.New(wantStream)
	}
	k := &c.Publish.Kinesis
	name, query, hasQuery := strings.Cut(rest, "?")
	if name == "" {
		return errors.New("it names no stream; " + wantStream)
	}
	if !streamName.MatchString(name) {
		return errors.New("its stream: expected 1 to 128 of a-z A-Z 0-9 _ . -")
	}
	parameters, err := url.ParseQuery(query)
	if err != nil || hasQuery && len(parameters) == 0 {
		return errors.New(wantStream)
	}
	if err := checkStreamParameters(parameters); err != nil {
		return err
	}
	region, endpoint := parameters.Get("region"), parameters.Get("endpoint")
	if region != "" && (len(region) > maxRegion || !regionName.MatchString(region)) {
		return errors.New("its parameter region: expected one such as eu-west-1")
	}
	if endpoint != "" && !isEndpoint(endpoint) {
		return errors.New("its parameter endpoint: expected http://host:port or https://host:port, and nothing behind it")
	}
	k.Stream, k.Region, k.Endpoint = name, region, endpoint
	c.Publish.Sink = SinkKinesis
	return nil
}

// checkStreamParameters reports the first that is not as it should be. One that is
// unknown is not named: it may be credentials, or a part of them.
func checkStreamParameters(given url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch values := given[name]; {
		case !slices.Contains(streamParameters, name):
			text := "it has an unknown parameter; those it may have are " + list(streamParameters, "and")
			if near := suggest(name, streamParameters); near != "" {
				text += "; did you mean " + near + "?"
			}
			return errors.New(text)
		case len(values) > 1:
			return errors.New("its parameter " + name + " is there more than once")
		case values[0] == "":
			return errors.New("its parameter " + name + " is empty")
		}
	}
	return nil
}

// isEndpoint reports whether text is an absolute URL of HTTP that names a host and
// nothing else.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return text == u.Scheme+"://"+u.Host && !strings.HasSuffix(u.Host, ":")
}
