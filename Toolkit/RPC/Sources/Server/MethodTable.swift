import MartletContract
import MartletCore

/// The methods that a server serves, by path.
struct MethodTable: Sendable {
    private let methods: [ExactText: ServedMethod]
    /// Full names of the services, sorted.
    let services: [String]

    init(_ contracts: [ServedContract]) {
        var methods: [ExactText: ServedMethod] = [:]
        for method in contracts.flatMap(\.methods) {
            let path = ExactText(method.descriptor.path)
            precondition(methods[path] == nil, "\(path) is served twice")
            methods[path] = method
        }
        self.methods = methods
        services = contracts.map(\.name).sorted()
    }

    func find(_ path: String) throws(Fault) -> ServedMethod {
        guard let method = methods[ExactText(path)] else {
            throw Fault(.unimplemented, .notFound, "\(path.prefix(200)) is not served here")
        }
        return method
    }
}
