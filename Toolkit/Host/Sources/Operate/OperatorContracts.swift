import MartletContract
import MartletCore

/// The operators' contract of a process; with several services, calls choose one by the header `martlet-service`.
enum OperatorContracts {
    static let header = "martlet-service"

    static func joined(_ runtimes: [ServiceRuntime]) -> [ServedContract] {
        let withContracts = runtimes.filter { !$0.operatorContracts.isEmpty }
        guard withContracts.count > 1 else { return withContracts.flatMap(\.operatorContracts) }
        var forms: [String: ServedMethod.Form] = [:]
        for runtime in withContracts {
            for method in runtime.operatorContracts.flatMap(\.methods) {
                forms["\(runtime.name) \(method.descriptor.path)"] = method.form
            }
        }
        let methods = forms
        return withContracts[0].operatorContracts.map { contract in
            contract.mapForms { descriptor, form in
                guard case .unary = form else { return form }
                return .unary { request, context in
                    let service = context.metadata[header] ?? ""
                    guard case .unary(let handle) = methods["\(service) \(descriptor.path)"] else {
                        let names = withContracts.map(\.name).sorted().joined(separator: ", ")
                        throw Fault(.invalidArgument, .invalidRequest, "must be one of \(names)", field: header)
                    }
                    return try await handle(request, context)
                }
            }
        }
    }
}
