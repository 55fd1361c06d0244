public import MartletContract
public import MartletCore
public import MartletResilience
public import MartletTelemetry
import Synchronization

/// The channels of one service to its peers, each with its own call policy, retry budget and bulkhead.
public final class ChannelPool: Sendable {
    private let channels = Mutex<[String: SpokenChannel]>([:])
    private let speaker: ExactText
    private let policy: CallPolicy
    private let metrics: MetricsRegistry
    private let runtime: Runtime
    private let connect: Channels

    /// - Parameters:
    ///   - service: The service whose calls these are: they speak as it, whatever principal a call's context has.
    ///   - policy: For every channel.
    ///   - metrics: Counts the calls, by peer.
    ///   - runtime: The clocks and the random numbers.
    ///   - connect: Makes the channel to a service (remote, local or simulated), which chooses among its instances.
    public init(
        of service: String,
        policy: CallPolicy,
        metrics: MetricsRegistry,
        runtime: Runtime,
        connect: @escaping Channels
    ) {
        speaker = ExactText(service)
        self.policy = policy
        self.metrics = metrics
        self.runtime = runtime
        self.connect = connect
    }

    public func channel(to service: String) -> any RPCChannel {
        channels.withLock { channels in
            if let existing = channels[service] { return existing }
            let policed = PolicyChannel(
                to: service,
                over: connect(service),
                policy: policy,
                metrics: metrics,
                runtime: runtime
            )
            let made = SpokenChannel(policed, by: speaker)
            channels[service] = made
            return made
        }
    }
}
