import MartletContract
import MartletCore

/// The methods that a server serves, by path.
struct MethodTable: Sendable {
    private let methods: [String: ServedMethod]
    /// Full names of the services, sorted.
    let services: [String]

    init(_ contracts: [ServedContract]) {
        var methods: [String: ServedMethod] = [:]
        for method in contracts.flatMap(\.methods) {
            precondition(methods[method.descriptor.path] == nil, "\(method.descriptor.path) is served twice")
            methods[method.descriptor.path] = method
        }
        self.methods = methods
        services = contracts.map(\.name).sorted()
    }

    func find(_ path: String) throws(Fault) -> ServedMethod {
        guard let method = methods[path] else {
            throw Fault(.unimplemented, .notFound, "\(path.prefix(200)) is not served here")
        }
        return method
    }
}
