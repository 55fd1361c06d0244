import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletRPC

/// Who may call each method of a system: of its services' contracts, of their endpoints beside them, and of the contracts that
/// every system has.
package struct PolicyMatrix: Sendable, Encodable {
    /// A method, and who may call it.
    package struct Row: Sendable, Encodable {
        /// The service that serves it; `*` for every one.
        package let service: String
        /// As in `acme.links.v1.LinksService/Shorten`; of an endpoint as in `POST /hooks/{sender}`.
        package let method: String
        /// As in its contract.
        package let users: String
        /// As in its contract.
        package let callers: [String]
        /// For whom each service may call it, in the order of ``PolicyMatrix/services``: as in `users guests`.
        package let services: [String]
    }

    /// The services that call others, by name.
    package let services: [String]
    package let rows: [Row]

    package init(_ topology: Topology) {
        let callers = topology.processes.filter(\.hasDatabase).flatMap(\.services).sorted()
        let ofEverySystem =
            EventLogMethods.all.map { (LogStatus.service, $0) } + OperateMethods.all.map { ("*", $0) }
            + HealthMethods.all.map { ("*", $0) }
        services = callers
        rows =
            topology.methods.map { method in
                Row(
                    service: method.service,
                    method: method.name,
                    users: method.users,
                    callers: method.callers,
                    by: callers
                )
            }
            + topology.endpoints.map { endpoint in
                Row(
                    service: endpoint.service,
                    method: "\(endpoint.verb) \(endpoint.path)",
                    users: endpoint.users,
                    callers: [AccessPolicy.noService],
                    by: callers
                )
            }
            + ofEverySystem.map { service, method in
                Row(
                    service: service,
                    method: String(method.path.dropFirst()),
                    users: method.access.usersText,
                    callers: method.access.callersTexts,
                    by: callers
                )
            }
    }
}

extension PolicyMatrix.Row {
    fileprivate init(service: String, method: String, users: String, callers: [String], by others: [String]) {
        self.service = service
        self.method = method
        self.users = users
        self.callers = callers
        let policy = AccessPolicy(users: users, callers: callers)
        services = others.map { other in
            let parties: [(name: String, party: Principal.Party)] = [
                ("itself", .itself), ("users", .user("user")), ("guests", .guest),
            ]
            let admitted = parties.filter { _, party in
                policy.decision(on: Principal(service: ExactText(other), for: party), from: nil) == .allowed
            }
            return admitted.map(\.name).joined(separator: " ")
        }
    }
}

// As contracts write it.

extension AccessPolicy {
    private static let (anybody, noUser) = ("ANYBODY", "NOBODY")
    fileprivate static let noService = "NONE"
    private static let anyService = "ANY_SERVICE"
    private static let parties: [(text: String, party: Caller.Party)] = [
        ("", .itself), (" for users", .users), (" for guests", .guests),
    ]

    /// Of the texts of a contract; an entry that is none admits no caller.
    init(users: String, callers: [String]) {
        let ofUsers: Users =
            switch users {
            case Self.anybody: .anybody
            case Self.noUser: .noUser
            default: .scope(users)
            }
        self.init(users: ofUsers, callers: callers.compactMap { Self.caller($0) })
    }

    private static func caller(_ text: String) -> Caller? {
        let name = String(text.prefix { $0 != " " })
        guard name != noService, let party = parties.first(where: { name + $0.text == text })?.party else { return nil }
        return name == anyService ? .anyService(for: party) : .service(name, for: party)
    }

    var usersText: String {
        switch users {
        case .anybody: Self.anybody
        case .noUser: Self.noUser
        case .scope(let scope): scope
        }
    }

    var callersTexts: [String] {
        guard !callers.isEmpty else { return [Self.noService] }
        return callers.map { caller in
            let party = Self.parties.first { $0.party == caller.party }?.text ?? ""
            return (caller.service ?? Self.anyService) + party
        }
    }
}
