import Console

/// The flags of `martlet token` that the topology adds: one for each role.
///
/// They are written as `--role NAME` or `--role NAME=SUBJECT` for the parser, whose flags are fixed.
struct RoleArguments {
    let roles: [Topology.Role]

    /// - Throws: ``CommandFailure`` with the usage status when a role's flag lacks its value.
    func rewritten(_ arguments: [String]) throws(CommandFailure) -> [String] {
        guard arguments.first == "token" else { return arguments }
        var written: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let role = roles.first(where: { "--\($0.name)" == parts[0] }) else {
                written.append(argument)
                continue
            }
            guard let subject = role.subject else {
                // The parser refuses a value.
                written += parts.count == 1 ? ["--role", role.name] : [argument]
                continue
            }
            if parts.count == 2 {
                written += ["--role", "\(role.name)=\(parts[1])"]
            } else if let value = rest.first, !value.hasPrefix("-") {
                rest.removeFirst()
                written += ["--role", "\(role.name)=\(value)"]
            } else {
                throw CommandFailure("Missing value for '--\(role.name) <\(subject)>'", status: CommandStatus.usage)
            }
        }
        return written
    }
}
