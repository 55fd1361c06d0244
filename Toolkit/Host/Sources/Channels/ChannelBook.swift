public import MartletContract
public import MartletCore
public import MartletResilience
public import MartletTelemetry
import Synchronization

/// The channels of one service to others: one per peer, each behind the call policy with a budget and a breaker of its own.
public final class ChannelBook: Sendable {
    private let channels = Mutex<[String: PolicyChannel]>([:])
    private let policy: CallPolicy
    private let metrics: MetricsRegistry
    private let time: any TimeSource
    private let entropy: any Entropy
    private let connect: Channels

    /// - Parameter connect: Makes the bare channel to a service: remote, local or simulated.
    public init(
        policy: CallPolicy,
        metrics: MetricsRegistry,
        time: any TimeSource,
        entropy: any Entropy,
        connect: @escaping Channels
    ) {
        self.policy = policy
        self.metrics = metrics
        self.time = time
        self.entropy = entropy
        self.connect = connect
    }

    public func channel(to service: String) -> any RPCChannel {
        channels.withLock { channels in
            if let known = channels[service] { return known }
            let made = PolicyChannel(
                to: service,
                over: connect(service),
                policy: policy,
                metrics: metrics,
                time: time,
                entropy: entropy
            )
            channels[service] = made
            return made
        }
    }
}
