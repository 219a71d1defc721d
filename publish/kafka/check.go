package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// A Use is a topic that will be published to.
type Use struct {
	Name    string
	Keyless bool // its records have no key, so that it can't be compacted
}

// A Seen is what Check has seen of a cluster.
type Seen struct {
	Brokers int
	Topics  int // that are there
	Missing int // that would be made
	// Largest is how large a record may be that every topic takes, in bytes; 0 if
	// no topic says it.
	Largest int32
}

// Check returns every reason why records for topics could not be published,
// joined. What is no reason, and may cost acknowledged records, it tells the log.
// It writes nothing and makes nothing: who may make a topic is found out by a
// request that is only to be validated. ctx bounds it.
func Check(ctx context.Context, cfg Config, topics []Use) (Seen, error) {
	p := newPublisher(cfg)
	if _, err := p.options(); err != nil {
		return Seen{}, err
	}
	cluster, err := cfg.Cluster.Options()
	if err != nil {
		return Seen{}, err
	}
	client, err := kgo.NewClient(cluster...)
	if err != nil {
		return Seen{}, failure.Usage("", "the settings of Kafka do not go together: %v", err)
	}
	p.use(client, client.Close)
	defer p.disconnect()
	if err := client.Ping(ctx); err != nil {
		return Seen{}, cfg.Cluster.Explain(err)
	}
	c := checker{Publisher: p, told: make(map[warning][]string)}
	if err := c.look(ctx, topics); err != nil {
		c.errs = append(c.errs, err)
	}
	c.tell()
	return c.seen, errors.Join(c.errs...)
}

// A checker collects what Check finds.
type checker struct {
	*Publisher
	seen Seen
	errs []error
	// told holds the topics that a warning is about, and warnings those in order.
	told     map[warning][]string
	warnings []warning
}

// A warning is a sentence, and what can be done about it or "".
type warning struct{ what, fix string }

// warn remembers a warning, which is told once for all of its topics.
func (c *checker) warn(topic, what, fix string) {
	w := warning{what, fix}
	if c.told[w] == nil {
		c.warnings = append(c.warnings, w)
	}
	c.told[w] = append(c.told[w], topic)
}

func (c *checker) tell() {
	for _, w := range c.warnings {
		c.cfg.Log.Warn(w.what, zap.String("topics", list(c.told[w])), zap.String("fix", w.fix))
	}
}

// list names topics in a sentence.
func list(topics []string) string {
	const most = 20
	if n := len(topics) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(topics[:most], ", "), n)
	}
	return strings.Join(topics, ", ")
}

// look asks for what is known of topics. Its error is one of asking.
func (c *checker) look(ctx context.Context, topics []Use) error {
	var names []string
	keyless := make(map[string]bool)
	for _, t := range topics {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
		keyless[t.Name] = t.Keyless
	}
	found, err := c.metadata(ctx, names)
	if err != nil {
		return c.cfg.Cluster.Explain(err)
	}
	c.seen.Brokers = len(found.Brokers)
	var missing, hidden, locked []string
	there := make(map[string]*kmsg.MetadataResponseTopic)
	const write = int32(1) << kmsg.ACLOperationWrite
	for i := range found.Topics {
		t := &found.Topics[i]
		if t.Topic == nil {
			continue
		}
		name := *t.Topic
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			missing = append(missing, name)
			continue
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			hidden = append(hidden, name)
			continue
		case errors.Is(err, kerr.InvalidTopicException):
			c.errs = append(c.errs, errName(name, err))
			continue
		case err != nil && len(t.Partitions) == 0:
			c.errs = append(c.errs, failure.Retry(fmt.Errorf("look up topic %s: %w", name, err)))
			continue
		}
		there[name] = t
		if t.AuthorizedOperations > 0 && t.AuthorizedOperations&write == 0 {
			locked = append(locked, name)
		}
	}
	c.forbidden("describe", "Describe", hidden)
	c.forbidden("write to", "Write", locked)
	c.seen.Topics = len(there)
	if len(missing) > 0 {
		if err := c.checkMissing(ctx, missing); err != nil {
			return err
		}
	}
	return c.checkSettings(ctx, there, keyless)
}

// errName is the error for a name that no topic can have.
func errName(name string, cause error) error {
	return failure.StopFrom(cause, "use letters, digits, dots, dashes and underscores, 249 at most; see publish.topic",
		"Kafka takes no topic of the name %q", name)
}

// forbidden names the topics that we may not do something with.
func (c *checker) forbidden(doing, operation string, topics []string) {
	if len(topics) == 0 {
		return
	}
	who := c.cfg.Cluster.Principal()
	hint := fmt.Sprintf("allow %s to describe them and to write to them", who)
	if strings.HasPrefix(who, "User:") {
		hint += ": kafka-acls.sh --bootstrap-server " + strings.Join(c.cfg.Cluster.Brokers, ",") +
			" --add --allow-principal '" + who + "' --operation Describe --operation Write --operation DescribeConfigs --topic " + strings.Join(topics, " --topic ")
	}
	c.errs = append(c.errs, failure.StopFrom(kerr.TopicAuthorizationFailed, hint, "%s has no right %s: it may not %s %s", who, operation, doing, list(topics)))
}

// checkMissing says why topics that are missing can't be made.
func (c *checker) checkMissing(ctx context.Context, names []string) error {
	slices.Sort(names)
	create := "kafka-topics.sh --bootstrap-server " + strings.Join(c.cfg.Cluster.Brokers, ",") + " --create --topic "
	if !c.cfg.CreateTopics {
		c.errs = append(c.errs, failure.Stop(
			fmt.Sprintf("make each, as with %s%s; or set publish.create_topics to true", create, names[0]),
			"%s missing: %s", amount(len(names), "topic is", "topics are"), list(names)))
		return nil
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.ValidateOnly = true
	request.TimeoutMillis = int32(answerLimit.Milliseconds())
	for _, name := range names {
		request.Topics = append(request.Topics, c.creation(name))
	}
	response, err := request.RequestWith(ctx, c.client)
	if err != nil {
		return c.cfg.Cluster.Explain(err)
	}
	var refused []string
	for _, t := range response.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
			c.seen.Missing++
			if t.ReplicationFactor == 1 {
				c.warn(t.Topic, oneReplica, threeReplicas)
			}
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
			refused = append(refused, t.Topic)
		default:
			if t.ErrorMessage != nil {
				err = fmt.Errorf("%w (%s)", err, *t.ErrorMessage)
			}
			c.errs = append(c.errs, failure.StopFrom(err, "make it, or mend the brokers' defaults", "topic %s is missing and can't be made", t.Topic))
		}
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		who := c.cfg.Cluster.Principal()
		c.errs = append(c.errs, failure.Stop(
			fmt.Sprintf("make each, as with %s%s; or allow %s to create topics", create, refused[0], who),
			"%s missing and %s may not make them: %s", amount(len(refused), "topic is", "topics are"), who, list(refused)))
	}
	return nil
}

func amount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// checkSettings looks at what topics that are there do with records.
func (c *checker) checkSettings(ctx context.Context, there map[string]*kmsg.MetadataResponseTopic, keyless map[string]bool) error {
	if len(there) == 0 {
		return nil
	}
	names := make([]string, 0, len(there))
	for name := range there {
		names = append(names, name)
	}
	slices.Sort(names)
	all, refused, err := c.settings(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if refused[name] != nil {
			c.warn(name, "the settings of a topic may not be read: records of up to 1 MiB are taken for granted", "allow "+c.cfg.Cluster.Principal()+" to DescribeConfigs")
		}
	}
	limits := make(map[string]int32)
	for name, settings := range all {
		if limit := limitOf(settings["max.message.bytes"]); limit > 0 {
			limits[name] = limit
		}
	}
	for _, name := range names {
		t := there[name]
		if err := c.keep([]string{name}, map[string]int32{name: int32(len(t.Partitions))}, limits); err != nil {
			c.errs = append(c.errs, err)
		}
		c.checkReplicas(name, t, all[name])
		if keyless[name] && strings.Contains(all[name]["cleanup.policy"], "compact") {
			c.errs = append(c.errs, failure.Stop(c.alter(name, "cleanup.policy=delete"),
				"topic %s has cleanup.policy=%s, and its records have no key: a compacted topic refuses them", name, all[name]["cleanup.policy"]))
		}
		if limit := limits[name]; limit > 0 && name != c.cfg.DeadLetter {
			if c.seen.Largest == 0 || limit < c.seen.Largest {
				c.seen.Largest = limit
			}
			if limit < defaultLimit {
				c.warn(name, "max.message.bytes of a topic is below Kafka's default of 1 MiB: a row whose event is larger stops Tailrace", "raise it")
			}
		}
	}
	if dead := limits[c.cfg.DeadLetter]; dead > 0 && dead <= c.seen.Largest {
		c.warn(c.cfg.DeadLetter, "the dead letter topic takes no larger records than the topics that it is for", "raise its max.message.bytes")
	}
	return nil
}

const (
	oneReplica    = "topics have one replica: a broker that is lost takes acknowledged events with it"
	threeReplicas = "give them three, on three brokers"
)

// checkReplicas tells of what may cost acknowledged records, which no producer
// can notice (unclean elections, too few replicas), and of what they wait for.
func (c *checker) checkReplicas(name string, t *kmsg.MetadataResponseTopic, settings map[string]string) {
	least := 1
	_, _ = fmt.Sscan(settings["min.insync.replicas"], &least) // it stays 1 where the settings may not be read
	replicas := 0
	for _, p := range t.Partitions {
		replicas = max(replicas, len(p.Replicas))
		switch {
		case p.Leader < 0:
			c.warn(name, "a partition has no leader: publishing waits until a broker that has it is back", "")
		case len(p.ISR) < least:
			c.warn(name, "a partition has fewer in-sync replicas than min.insync.replicas: publishing waits until a broker is back", "")
		}
	}
	switch {
	case replicas == 1:
		c.warn(name, oneReplica, threeReplicas)
	case least == 1 && settings != nil:
		c.warn(name, "min.insync.replicas is 1: an event may be acknowledged that only one broker has", "set it to 2")
	}
	if settings["unclean.leader.election.enable"] == "true" {
		c.warn(name, "unclean.leader.election.enable is true: a broker that lacks acknowledged events may become the leader, and they are gone", "set it to false")
	}
}

// alter is the command that sets one of a topic's settings.
func (c *checker) alter(topic, setting string) string {
	return "kafka-configs.sh --bootstrap-server " + strings.Join(c.cfg.Cluster.Brokers, ",") +
		" --alter --entity-type topics --entity-name " + topic + " --add-config " + setting
}
