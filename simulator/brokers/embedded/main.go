// Command streamsim-broker is the embedded broker: kfake, the Kafka broker of the
// franz-go project, on one loopback port, with its data in one folder.
//
// It prints its address once it listens. SIGTERM and SIGINT close it after everything is written;
// after SIGKILL it finds everything that it had acknowledged, unless the machine went down too.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// settings collects the values of a repeated option name=value.
type settings map[string]string

func (s settings) String() string { return "" }

func (s settings) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("expected NAME=VALUE, got %q", text)
	}
	s[name] = value
	return nil
}

// faultsVariable names a pipe with faults to plant, for tests.
const faultsVariable = "BROKER_FAULTS"

func main() {
	configs := settings{}
	port := flag.Int("port", 0, "loopback port to listen on; 0 for a free one")
	data := flag.String("data", "", "folder of the data; without it everything is kept in memory")
	create := flag.Bool("create-topics", false, "create a topic when a client first names it")
	flag.Var(configs, "config", "broker configuration NAME=VALUE; repeatable")
	flag.Parse()

	versions := kversion.Stable()
	// kafka-python reads no CreateTopics response above version 4: its ConfigSourceType is -1.
	versions.SetMaxKeyVersion(19, 4)
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(*port), // kfake listens on 127.0.0.1 only
		kfake.ClusterID("streamsim"),
		kfake.MaxVersions(versions),
		kfake.BrokerConfigs(configs),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	}
	if *data != "" {
		options = append(options, kfake.DataDir(*data))
	}
	if *create {
		options = append(options, kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(4))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "streamsim-broker:", err)
		os.Exit(1)
	}
	fmt.Println(cluster.ListenAddrs()[0])
	if pipe := os.Getenv(faultsVariable); pipe != "" {
		// Opened for writing too: it does not end when a writer closes it.
		lines, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, "streamsim-broker:", err)
			os.Exit(1)
		}
		go plantFaults(cluster, lines)
	}
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	cluster.Close()
}
