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
	"path/filepath"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// faultsVariable names a pipe with faults to plant, for tests.
const faultsVariable = "BROKER_FAULTS"

func main() {
	port := flag.Int("port", 0, "loopback port to listen on; 0 for a free one")
	data := flag.String("data", "", "folder of the data; without it everything is kept in memory")
	create := flag.Bool("create-topics", false, "create a topic when a client first names it")
	flag.Parse()

	versions := kversion.Stable()
	// kafka-python reads no CreateTopics response above version 4: its ConfigSourceType is -1.
	versions.SetMaxKeyVersion(19, 4)
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(*port), // kfake listens on 127.0.0.1 only
		kfake.ClusterID("streamsim"),
		kfake.MaxVersions(versions),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	}
	if *data != "" {
		held, err := hold(*data)
		if err != nil {
			fail(err)
		}
		defer held.Close()
		options = append(options, kfake.DataDir(*data))
	}
	if *create {
		options = append(options, kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(4))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		fail(err)
	}
	fmt.Println(cluster.ListenAddrs()[0])
	if pipe := os.Getenv(faultsVariable); pipe != "" {
		// Opened for writing too: it does not end when a writer closes it.
		lines, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err != nil {
			fail(err)
		}
		go plantFaults(cluster, lines)
	}
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	cluster.Close()
}

// hold locks a data folder for as long as this process lives: two brokers would ruin it.
func hold(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.Create(filepath.Join(folder, "lock"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another broker has the data in %s: %w", folder, err)
	}
	return lock, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "streamsim-broker:", err)
	os.Exit(1)
}
