package main

import (
	"context"
	"errors"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// intoStream opens Publishers. Each has credentials found anew: those of before may
// be why it is opened again.
func intoStream(cfg config.Config, log *zap.Logger) opener {
	return func(ctx context.Context, _ checkpoint.State) (publish.Publisher, error) {
		settings, err := kinesisSettings(ctx, cfg, log)
		if err != nil {
			return nil, err
		}
		opened, err := kinesis.Open(ctx, settings)
		if err != nil {
			return nil, err
		}
		return opened, nil
	}
}

// settingsLimit is how long it may take to find them: some are asked for at
// addresses that nobody has outside of AWS.
const settingsLimit = 10 * time.Second

// kinesisSettings has AWS's SDK find what cfg leaves to it: region, who gives
// credentials, and where the service is.
func kinesisSettings(ctx context.Context, cfg config.Config, log *zap.Logger) (kinesis.Config, error) {
	k := cfg.Publish.Kinesis
	settings := kinesis.Config{Endpoint: k.Endpoint, Stream: k.Stream, DeadLetter: cfg.Publish.DeadLetter, Log: log}
	settings.ByTable = cfg.Publish.Partition == config.PartitionTable
	var err error
	if settings.Packing, err = kinesis.ParsePacking(k.Packing); err != nil {
		return settings, err
	}
	options := []func(*awsconfig.LoadOptions) error{
		// The client that it makes by itself does not take AWS_CA_BUNDLE.
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient()),
		// It would write lines of its own between those of the log.
		awsconfig.WithLogger(logging.Nop{}),
	}
	if k.Region != "" {
		options = append(options, awsconfig.WithRegion(k.Region))
	}
	ctx, cancel := context.WithTimeout(ctx, settingsLimit)
	defer cancel()
	settings.AWS, err = awsconfig.LoadDefaultConfig(ctx, options...)
	var profile awsconfig.SharedConfigProfileNotExistError
	var shared awsconfig.SharedConfigLoadError
	switch {
	case errors.As(err, &profile):
		return settings, failure.Usage("mend AWS_PROFILE, or the shared file", "no shared file of AWS's has the profile %q", profile.Profile)
	case errors.As(err, &shared):
		return settings, failure.Usage("see whether it is a file that AWS's SDK can read", "the shared file %s can't be used", shared.Filename)
	case err != nil:
		return settings, failure.Usage("mend the variables and shared files that AWS's SDK reads", "what AWS's SDK is configured with can't be used: %v", err)
	case settings.AWS.Region == "":
		return settings, failure.Usage("add ?region=eu-west-1, or what it is, to publish.url; or set AWS_REGION", "no region is known for the stream %s", k.Stream)
	}
	return settings, nil
}
