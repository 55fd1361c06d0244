import Logging
import MartletCore
import MartletMessaging

extension MessageBus {
    /// Declares the topics of a service.
    ///
    /// A topic that the broker does not permit, as before it knows a new contract, does not hold up the others: it is logged,
    /// and its events are refused one by one.
    ///
    /// - Throws: What `declare` throws, except for such a refusal.
    func declare(_ topics: [TopicPlan]) async throws {
        guard try await refusal(of: topics) != nil else { return }
        // Refused as a whole: each by itself.
        for topic in topics {
            guard let fault = try await refusal(of: [topic]) else { continue }
            Logger.current.error(
                "the broker does not permit a topic, its events wait in the outbox",
                metadata: ["topic": "\(topic.name)", "reason": "\(fault.reason)", "error": "\(fault.message)"]
            )
        }
    }

    /// Why the broker does not permit these topics; `nil` when they are declared.
    private func refusal(of topics: [TopicPlan]) async throws -> Fault? {
        do {
            try await declare(BusDeclaration(topics: topics))
            return nil
        } catch let fault as Fault where fault.code == .permissionDenied {
            return fault
        }
    }
}
