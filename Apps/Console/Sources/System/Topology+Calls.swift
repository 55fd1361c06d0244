import MartletCore

extension Topology {
    private static let anyService = "ANY_SERVICE"

    /// The services that `service` calls, by name: those whose contracts admit it, and the event log.
    ///
    /// Only a service with a database calls others; the gateway passes on its callers' tokens.
    package func callees(of service: String) -> [String] {
        let members = processes.filter(\.hasDatabase)
        guard members.contains(where: { $0.services.contains(service) }) else { return [] }
        let called = methods.filter { admits($0, service) }.map(\.service)
        let log = members.flatMap(\.services).filter { ExactText($0) == ExactText(LogStatus.service) }
        return Set(called + log).filter { ExactText($0) != ExactText(service) }.sorted()
    }

    private func admits(_ method: Method, _ service: String) -> Bool {
        method.callers.contains { caller in
            let name = String(caller.prefix { $0 != " " })
            return name == Self.anyService || ExactText(name) == ExactText(service)
        }
    }
}
