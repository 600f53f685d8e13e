//! What `towline admin` can be told, each with its help.

use clap::{Args, ValueEnum};
use server::auth::Role;
use sync_core::id::{BranchId, DeviceId};

use crate::cli::settings::Place;

#[derive(Args)]
pub struct Nothing {
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct TenantArgs {
    /// What people type as their tenant: lower case letters, digits and dashes.
    #[arg(long)]
    pub slug: String,
    /// Name in full.
    #[arg(long)]
    pub name: String,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct UserArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name at login.
    #[arg(long)]
    pub login: String,
    /// Name in full.
    #[arg(long)]
    pub name: String,
    /// What they are.
    #[arg(long, value_enum)]
    pub role: RoleArg,
    /// Id of their branch.
    #[arg(long)]
    pub branch: Option<BranchId>,
    /// Language they read.
    #[arg(long, default_value = "en")]
    pub language: String,
    /// Read the password from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    Technician,
    Dispatcher,
    Manager,
    Administrator,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Technician => Self::Technician,
            RoleArg::Dispatcher => Self::Dispatcher,
            RoleArg::Manager => Self::Manager,
            RoleArg::Administrator => Self::Administrator,
        }
    }
}

#[derive(Args)]
pub struct PasswordArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name at login.
    #[arg(long)]
    pub login: String,
    /// Read the password from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct BranchArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name.
    #[arg(long)]
    pub name: String,
    /// owned, franchised or provider.
    #[arg(long, default_value = "owned")]
    pub kind: String,
    /// ISO 4217 code of its amounts.
    #[arg(long)]
    pub currency: String,
    /// IANA time zone.
    #[arg(long)]
    pub time_zone: String,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct VanArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name on the board.
    #[arg(long)]
    pub name: String,
    /// Id of its branch.
    #[arg(long)]
    pub branch: Option<BranchId>,
    /// Login of the technician who drives it.
    #[arg(long)]
    pub technician: Option<String>,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct PartArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Number.
    #[arg(long)]
    pub part_no: String,
    /// What it is.
    #[arg(long)]
    pub description: String,
    /// Unit of quantities.
    #[arg(long, default_value = "piece")]
    pub unit: String,
    /// Price of one unit in minor units of the currency.
    #[arg(long)]
    pub unit_price: i64,
    /// ISO 4217 code.
    #[arg(long)]
    pub currency: String,
    /// Tax in hundredths of a percent.
    #[arg(long, default_value_t = 0)]
    pub tax_rate: i64,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct CodeArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Login of the technician.
    #[arg(long)]
    pub login: String,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct RevokeArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Id of the phone.
    #[arg(long)]
    pub device: DeviceId,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Args)]
pub struct ListArgs {
    /// Short name of the tenant whose people are wanted.
    #[arg(long)]
    pub tenant: Option<String>,
    #[command(flatten)]
    pub place: Place,
}
