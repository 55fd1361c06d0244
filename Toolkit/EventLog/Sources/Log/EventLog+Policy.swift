import MartletCore
import MartletMessaging
import MartletSQL
import Synchronization

// What the policy permits a service to do.
extension EventLog {
    /// What is declared, when the service may declare all of it; topics of others as the policy plans them.
    ///
    /// - Throws: `Fault` with `permissionDenied` otherwise.
    func admitted(_ declaration: BusDeclaration, by service: ExactText) throws -> BusDeclaration {
        for plan in declaration.groups { try admit(plan, by: service) }
        var admitted = declaration
        admitted.topics = try declaration.topics.map { plan in
            guard let denial = policy.denial(ofDeclaring: plan.name, by: service) else { return plan }
            // Its consumer does not declare it: it was admitted to read it.
            guard !declaration.isOfPublisher(plan) else { throw denial.fault }
            return TopicPlan(plan.name, partitions: policy.partitions(of: plan.name))
        }
        return admitted
    }

    /// - Throws: `Fault` when the service may not read the topic, or the group belongs to another one.
    func admit(_ plan: GroupPlan, by service: ExactText) throws {
        if let denial = policy.denial(ofReading: plan.topic, by: service) { throw denial.fault }
        let owner = state.withLock { $0.owner(of: ExactText(plan.group), topic: ExactText(plan.topic)) }
        guard let owner else {
            if let denial = policy.denial(ofBeginning: plan.group, by: service) { throw denial.fault }
            return
        }
        guard owner == service else { throw BusPolicy.Denial.foreignGroup(plan.group, of: owner, service).fault }
    }

    /// Stores that a group of before belongs to the service that joins it; a repeat does nothing.
    ///
    /// - Throws: `Fault` when it belongs to another one.
    func claim(_ plan: GroupPlan, topic: Int, by service: ExactText) async throws {
        let names = (topic: ExactText(plan.topic), group: ExactText(plan.group))
        guard state.withLock({ $0.owner(of: names.group, topic: names.topic) }) != service else { return }
        _ = try await database.transaction("log.claim") { tx in
            try EventLogStore.declare(plan.group, of: topic, by: service, in: tx)
        }
        state.withLock { $0.setOwner(service, of: names.group, topic: names.topic) }
    }

    /// - Throws: `Fault` for a member that has left, and for one of another service.
    func check(_ member: Int, of service: ExactText) throws {
        guard let membership = state.withLock({ $0.membership(of: member) }) else { throw Fault.unknownMember }
        guard membership.service == service else {
            let text =
                "\(service) may not use a member of the group \(membership.group): another service joined with it"
            throw BusPolicy.Denial(.foreignMember, text).fault
        }
    }
}
