import SwiftProtobufPluginLibrary

/// Who may call a method, read from the options `users` and `callers` and checked.
struct Access {
    enum Users {
        case anybody
        case noUser
        case scope(String)
    }

    /// A service that may call, and for whom it speaks.
    struct Caller: Hashable {
        enum Party: String {
            case itself, users, guests
        }

        /// `nil` for any service.
        let service: String?
        let party: Party

        /// As in `orders for users`.
        var text: String { (service ?? Access.anyService) + (party == .itself ? "" : " for \(party.rawValue)") }
    }

    static let anyService = "ANY_SERVICE"
    private static let anybody = "ANYBODY"
    private static let noUser = "NOBODY"
    private static let none = "NONE"
    /// Words that mean a kind of caller: no scope has such a name.
    ///
    /// `ScopeName` refuses them in tokens.
    private static let reserved: Set<String> = [
        "SERVICE", "SERVICES", "USER", "USERS", "GUEST", "GUESTS", "ITSELF", "ANONYMOUS", "ANYBODY", "NOBODY",
        "ANY_SERVICE", "NONE",
    ]

    let users: Users
    /// In the order of the contract.
    let callers: [Caller]

    init(_ call: Call, of method: SwiftProtobufPluginLibrary.MethodDescriptor) throws {
        func refusal(_ reason: String) -> Refusal { Refusal("\(method.fullName): \(reason)") }
        switch call.users {
        case "": throw refusal("users is missing: a scope, ANYBODY or NOBODY")
        case Self.anybody: users = .anybody
        case Self.noUser: users = .noUser
        case let scope:
            guard Self.isScope(scope) else { throw refusal("'\(scope)' cannot be a scope") }
            users = .scope(scope)
        }
        guard !call.callers.isEmpty else {
            throw refusal("callers is missing: names of services, ANY_SERVICE or NONE")
        }
        guard call.callers != [Self.none] else {
            callers = []
            return
        }
        callers = try call.callers.map { text in
            guard let caller = Self.caller(text) else { throw refusal("'\(text)' is no caller") }
            return caller
        }
        guard Set(callers).count == callers.count else { throw refusal("a caller is named twice") }
        for caller in callers where caller.service != nil {
            let any = Caller(service: nil, party: caller.party)
            if callers.contains(any) { throw refusal("'\(caller.text)' is one of '\(any.text)'") }
        }
    }

    private static func isScope(_ text: String) -> Bool {
        !reserved.contains(text.uppercased())
            && text.utf8.allSatisfy { byte in
                0x21...0x7E ~= byte && ![UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "|")].contains(byte)
            }
    }

    /// `nil` for anything but a name, alone or with `for users` or `for guests`.
    private static func caller(_ text: String) -> Caller? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
        guard let name = words.first, name == anyService || isName(name) else { return nil }
        let service = name == anyService ? nil : name
        switch words.count {
        case 1: return Caller(service: service, party: .itself)
        case 3 where words[1] == "for":
            guard let party = Caller.Party(rawValue: words[2]), party != .itself else { return nil }
            return Caller(service: service, party: party)
        default: return nil
        }
    }

    /// As the last word of a proto package, which is a service's name.
    private static func isName(_ text: String) -> Bool {
        let isFirst = text.utf8.first.map { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 } ?? false
        return isFirst
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// As arguments of a method's descriptor.
    var arguments: String {
        "users: \(usersExpression), callers: [\(callers.map(\.expression).joined(separator: ", "))]"
    }

    private var usersExpression: String {
        switch users {
        case .anybody: ".anybody"
        case .noUser: ".noUser"
        case .scope(let scope): ".scope(\(scope.literal))"
        }
    }

    /// As in the contract.
    var usersText: String {
        switch users {
        case .anybody: Self.anybody
        case .noUser: Self.noUser
        case .scope(let scope): scope
        }
    }

    /// As in the contract.
    var callersTexts: [String] { callers.isEmpty ? [Self.none] : callers.map(\.text) }

    /// The scope that a user's token needs; `nil` for none.
    var scope: String? {
        guard case .scope(let scope) = users else { return nil }
        return scope
    }
}

extension Access.Caller {
    fileprivate var expression: String {
        let party = "for: .\(party.rawValue)"
        return service.map { ".service(\($0.literal), \(party))" } ?? ".anyService(\(party))"
    }
}
