import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL

/// A naive consumer without an inbox: it acknowledges, then processes, and does not deduplicate.
struct NaiveInbox: Sendable {
    private static let batch = 32
    private static let retryInterval = Duration.milliseconds(200)

    private let subscriptions: [Subscription]
    private let database: any SQLDatabase
    private let bus: any MessageBus
    private let time: any TimeSource

    init(
        _ subscriptions: [Subscription],
        database: any SQLDatabase,
        bus: any MessageBus,
        time: any TimeSource
    ) {
        self.subscriptions = subscriptions
        self.database = database
        self.bus = bus
        self.time = time
    }

    /// Consumes until its task is cancelled.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for subscription in subscriptions { group.addTask { try await consume(subscription) } }
        }
        try Task.checkCancellation()
    }

    private func consume(_ subscription: Subscription) async throws {
        while true {
            do {
                let group = GroupPlan(topic: subscription.topic, group: subscription.group)
                try await bus.declare(BusDeclaration(topics: [TopicPlan(subscription.topic)], groups: [group]))
                let member = try await bus.join(
                    topic: subscription.topic,
                    group: subscription.group,
                    start: subscription.start
                )
                do {
                    while true { try await step(subscription, member) }
                } catch {
                    await member.leave()
                    throw error
                }
            } catch  where error is CancellationError || Task.isCancelled {
                throw CancellationError()
            } catch {
                try await time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func step(_ subscription: Subscription, _ member: any GroupMember) async throws {
        let deliveries = try await member.receive(limit: Self.batch)
        try await member.acknowledge(deliveries.map(\.id))
        for delivery in deliveries {
            do {
                try await database.transaction("naive.take") { tx in try subscription.apply(delivery.event, in: tx) }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // It has been acknowledged: there is no redelivery.
                continue
            }
        }
    }
}
