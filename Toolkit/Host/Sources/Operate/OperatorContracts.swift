import MartletContract
import MartletCore

/// The operators' contracts of a process; where several services have one, calls choose a service by the header
/// `martlet-service`.
enum OperatorContracts {
    static let header = "martlet-service"

    static func joined(_ runtimes: [ServiceRuntime]) -> [ServedContract] {
        var names: [String] = []
        var served: [String: [(service: String, contract: ServedContract)]] = [:]
        for runtime in runtimes {
            for contract in runtime.operatorContracts {
                if served[contract.name] == nil { names.append(contract.name) }
                served[contract.name, default: []].append((runtime.name, contract))
            }
        }
        return names.map { joined(served[$0, default: []]) }
    }

    /// One contract, which several services serve.
    private static func joined(_ served: [(service: String, contract: ServedContract)]) -> ServedContract {
        guard served.count > 1 else { return served[0].contract }
        var forms: [String: ServedMethod.Form] = [:]
        for (service, contract) in served {
            for method in contract.methods { forms["\(service) \(method.descriptor.path)"] = method.form }
        }
        let (methods, names) = (forms, served.map(\.service).sorted().joined(separator: ", "))
        return served[0].contract.mapForms { descriptor, form in
            guard case .unary = form else { return form }
            return .unary { request, context in
                let service = context.metadata[header] ?? ""
                guard case .unary(let handle) = methods["\(service) \(descriptor.path)"] else {
                    throw Fault(.invalidArgument, .invalidRequest, "must be one of \(names)", field: header)
                }
                return try await handle(request, context)
            }
        }
    }
}
