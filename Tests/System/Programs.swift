import BuiltPrograms
import Foundation
import MartletTesting

/// The programs that the tests start.
enum Programs {
    static let martlet = Program(built: "martlet")
    /// True, too, where they are required: then the tests fail without them.
    static var areBuilt: Bool { martlet.exists || Validators.areRequired }

    /// The committed file of the system's topology.
    static let topologyFile: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.appendingPathComponent("martlet.json").path
    }()

    /// The system's topology, of which the committed file states the parts that the tests use.
    static let topology: PrintedTopology = {
        let file = FileManager.default.contents(atPath: topologyFile) ?? Data()
        // An empty list fails the test of `status --json`.
        return (try? JSONDecoder().decode(PrintedTopology.self, from: file))
            ?? PrintedTopology(processes: [], singleProcess: nil, methods: [])
    }()

    /// Real invoices beside the project, if there are any.
    static let realInvoices: String? = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let path = folder.appendingPathComponent("shared/data/online-retail-2010-12-to-2011-05.csv.gz").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}
