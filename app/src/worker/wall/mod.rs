//! The wall of all heads, painted here on a canvas of the page.
//!
//! On the GPU engine the thumbnails are drawn from GPU memory; on the CPU engine, or where
//! presenting fails, they are read back and painted on a 2D context. A canvas has one kind of
//! context for life: where the kind changes, the page is asked for a new canvas.

pub(super) mod pixels;

use js_sys::Object;
use vitrine_kernels::draw::{self, Canvas, CanvasError, WallPicture};
use vitrine_kernels::engine::gpu::GpuEngine;
use vitrine_kernels::{Engine, Read};
use vitrine_models::Hook;
use vitrine_models::hook::Stack;
use vitrine_models::session::WallView;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use super::js;
use super::load::Loaded;
use super::post::{fault, post};
use super::studio::Studio;
use crate::palette::{self, NON_FINITE};
use crate::protocol::{Attention, FaultPlace, FromWorker, WallCommand, WallStyle};
use pixels::{FRAME, Thumbnails, background, frame_color, hidden_cols};

/// Longest side that a canvas may have.
const MAX_SIDE: u32 = 16_384;
/// Most values of cross-attention that are read back for its wall: 64 MiB.
const MAX_CROSSED: usize = 16 << 20;
/// Cells of its thumbnails, each way, at most.
const CROSSED_SIDE: usize = 64;

/// The walls: of a model's only attention, or the three of an encoder–decoder.
#[derive(Default)]
pub(super) struct Walls([Wall; Attention::ALL.len()]);

impl Walls {
    /// The engine is another one: what was made of it goes.
    pub fn leave_engine(&mut self, to_gpu: bool) {
        for of in Attention::ALL {
            self.of(of).leave_engine(to_gpu && is_drawn(of));
        }
    }

    /// Paints by read-back from now on: the device was lost, perhaps by presenting.
    pub fn refuse_gpu(&mut self) {
        self.0.iter_mut().for_each(|wall| wall.is_gpu_refused = true);
    }

    fn of(&mut self, of: Attention) -> &mut Wall {
        &mut self.0[of as usize]
    }
}

/// Whether the engine keeps thumbnails that can be drawn from its memory. Those of cross-attention
/// are made of what is read back: source and target have no one side.
fn is_drawn(of: Attention) -> bool {
    of != Attention::Cross
}

/// The canvas and how to paint it.
#[derive(Default)]
struct Wall {
    canvas: Option<OffscreenCanvas>,
    surface: Surface,
    style: WallStyle,
    /// Whether presenting failed once: then it is not tried again.
    is_gpu_refused: bool,
}

/// Where to paint.
#[derive(Default)]
enum Surface {
    /// Not decided: there is no model yet.
    #[default]
    Open,
    /// Read back and painted here.
    Plain(OffscreenCanvasRenderingContext2d),
    /// Drawn from GPU memory.
    Gpu(Box<GpuSurface>),
}

struct GpuSurface {
    canvas: Canvas,
    painter: draw::Wall,
}

impl Wall {
    fn attach(&mut self, canvas: OffscreenCanvas, width: u32, height: u32) {
        canvas.set_width(width.clamp(1, MAX_SIDE));
        canvas.set_height(height.clamp(1, MAX_SIDE));
        self.canvas = Some(canvas);
        self.surface = Surface::Open;
    }

    fn detach(&mut self) {
        self.canvas = None;
        self.surface = Surface::Open;
    }

    /// The engine is another one: what was made of it goes. The canvas stays where the new one
    /// paints in the same way, else the page is asked for another.
    fn leave_engine(&mut self, to_gpu: bool) {
        let paints_by_gpu = to_gpu && !self.is_gpu_refused;
        let is_stale = match &self.surface {
            Surface::Open => false,
            Surface::Plain(_) => paints_by_gpu,
            Surface::Gpu(_) => !paints_by_gpu,
        };
        if is_stale {
            self.ask_for_canvas();
        } else if matches!(self.surface, Surface::Gpu(_)) {
            self.surface = Surface::Open;
        }
    }

    fn ask_for_canvas(&mut self) {
        if self.canvas.is_some() {
            self.detach();
            post(&FromWorker::WallStale);
        }
    }

    fn resize(&mut self, width: u32, height: u32, engine: Option<&Engine>) {
        let (width, height) = (width.clamp(1, MAX_SIDE), height.clamp(1, MAX_SIDE));
        if let Some(canvas) = &self.canvas {
            canvas.set_width(width);
            canvas.set_height(height);
        }
        if let (Surface::Gpu(surface), Some(Engine::Gpu(engine))) = (&mut self.surface, engine) {
            surface.canvas.resize(engine, width, height);
        }
    }

    /// Decides how to paint, once there is an engine.
    fn open(&mut self, engine: &Engine, is_drawn: bool) {
        let (Surface::Open, Some(canvas)) = (&self.surface, &self.canvas) else { return };
        if let Engine::Gpu(engine) = engine
            && is_drawn
            && !self.is_gpu_refused
        {
            match open_gpu(engine, canvas) {
                Ok(surface) => self.surface = Surface::Gpu(Box::new(surface)),
                Err(_) => {
                    // The canvas may be of the other kind now.
                    self.is_gpu_refused = true;
                    self.ask_for_canvas();
                }
            }
            return;
        }
        self.open_without_engine();
    }

    /// Paints from values that lie here, once there is a canvas.
    fn open_without_engine(&mut self) {
        let (Surface::Open, Some(canvas)) = (&self.surface, &self.canvas) else { return };
        match open_plain(canvas) {
            Ok(context) => self.surface = Surface::Plain(context),
            Err(thrown) => {
                self.detach();
                let what = format!("The wall cannot be painted ({})", js::words(&thrown));
                fault(FaultPlace::Panel, what, "Close other tabs and reload the page.");
            }
        }
    }
}

fn open_gpu(engine: &GpuEngine, canvas: &OffscreenCanvas) -> Result<GpuSurface, CanvasError> {
    let painter = draw::Wall::new(engine, palette::table(palette::Map::Sequential));
    let canvas = Canvas::new(engine, target(canvas), canvas.width(), canvas.height())?;
    Ok(GpuSurface { canvas, painter })
}

#[cfg(target_arch = "wasm32")]
fn target(canvas: &OffscreenCanvas) -> draw::SurfaceTarget<'static> {
    draw::SurfaceTarget::OffscreenCanvas(canvas.clone())
}

/// Natively this compiles for the unit tests and is never reached: there are no canvases.
#[cfg(not(target_arch = "wasm32"))]
fn target(_canvas: &OffscreenCanvas) -> draw::SurfaceTarget<'static> {
    unreachable!("canvases exist in browsers only")
}

fn open_plain(canvas: &OffscreenCanvas) -> Result<OffscreenCanvasRenderingContext2d, JsValue> {
    let options = Object::new();
    js_sys::Reflect::set(&options, &"alpha".into(), &false.into())?;
    let context = canvas.get_context_with_context_options("2d", &options)?;
    Ok(context.ok_or("there is no 2D context")?.unchecked_into())
}

impl Studio {
    /// Does what the page says about a wall.
    pub async fn paint(&mut self, of: Attention, command: WallCommand, canvas: &JsValue) {
        let wall = self.walls.of(of);
        match command {
            WallCommand::Attach { width, height } => {
                let Some(canvas) = canvas.dyn_ref::<OffscreenCanvas>() else { return };
                wall.attach(canvas.clone(), width, height);
            }
            WallCommand::Resize { width, height } => {
                let engine = self.loaded.as_ref().map(|loaded| loaded.session.engine());
                wall.resize(width, height, engine);
            }
            WallCommand::Style(style) => wall.style = style,
            WallCommand::Detach => wall.detach(),
        }
        self.repaint_one(of).await;
    }

    /// Paints what the last run left.
    pub async fn repaint(&mut self) {
        for of in Attention::ALL {
            self.repaint_one(of).await;
        }
    }

    async fn repaint_one(&mut self, of: Attention) {
        // A burst of commands needs one painting, that of the last.
        if self.desk.has_painting(of) {
            return;
        }
        if let Some(playback) = &self.playback {
            if (of == Attention::Own) == playback.is_pair() {
                return;
            }
            let wall = self.walls.of(of);
            wall.open_without_engine();
            if let Surface::Plain(context) = &wall.surface {
                paint_plain(context, playback.thumbnails(of).await.as_ref(), &wall.style);
            }
            return;
        }
        let Some(loaded) = &mut self.loaded else { return };
        // A canvas that is left from another kind of model is not on the page any more.
        if (of == Attention::Own) == loaded.card.encoder.is_some() {
            return;
        }
        let wall = self.walls.of(of);
        wall.open(loaded.session.engine(), is_drawn(of));
        let view = match of {
            Attention::Own => loaded.session.wall(),
            Attention::Encoder => loaded.session.wall_of(Stack::Encoder),
            Attention::Decoder => loaded.session.wall_of(Stack::Decoder),
            Attention::Cross => None,
        };
        let view = view.filter(|_| self.last.is_some());
        match &mut wall.surface {
            Surface::Open => {}
            Surface::Gpu(surface) => {
                let Engine::Gpu(engine) = loaded.session.engine() else { return };
                if present(surface, engine, view, &wall.style).is_err() {
                    wall.is_gpu_refused = true;
                    wall.ask_for_canvas();
                }
            }
            Surface::Plain(context) => {
                let thumbnails = match view {
                    Some(view) => thumbnails(loaded, view).await,
                    None if of == Attention::Cross && self.last.is_some() => crossed(loaded).await,
                    None => None,
                };
                paint_plain(context, thumbnails.as_ref(), &wall.style);
            }
        }
    }
}

fn paint_plain(
    context: &OffscreenCanvasRenderingContext2d,
    thumbnails: Option<&Thumbnails>,
    style: &WallStyle,
) {
    let canvas = context.canvas();
    let (width, height) = (canvas.width(), canvas.height());
    let pixels = pixels::pixels(thumbnails, style, width as usize, height as usize);
    let data = Clamped(pixels.as_slice());
    // A canvas too large for the browser stays as it is.
    if let Ok(image) = ImageData::new_with_u8_clamped_array_and_sh(data, width, height) {
        let _painted = context.put_image_data(&image, 0.0, 0.0);
    }
}

/// Draws from GPU memory.
fn present(
    surface: &mut GpuSurface,
    engine: &GpuEngine,
    view: Option<WallView>,
    style: &WallStyle,
) -> Result<(), CanvasError> {
    let GpuSurface { canvas, painter } = surface;
    let buffer = view.and_then(|view| Some((view, engine.state_buffer(view.state)?)));
    let size = canvas.size();
    let format = canvas.format();
    canvas.frame(engine, |texture| {
        let Some((view, maps)) = buffer else { return };
        painter.paint(maps, texture, format, &picture(view, style, size));
    })
}

fn picture(view: WallView, style: &WallStyle, size: (u32, u32)) -> WallPicture {
    WallPicture {
        size,
        n_cols: style.n_cols,
        gap: style.gap,
        n_maps: view.n_maps as u32,
        side: view.side as u32,
        n_cells: view.n_cells as u32,
        order: style.order.clone(),
        hidden_cols: hidden_cols(style, view.n_cells, view.block),
        selected: (style.selected, frame_color(style.dark, true)),
        hovered: (style.hovered, frame_color(style.dark, false)),
        frame: FRAME,
        background: background(style.dark),
        non_finite: NON_FINITE,
    }
}

async fn thumbnails(loaded: &mut Loaded, view: WallView) -> Option<Thumbnails> {
    let cells = 0..view.n_cells;
    let read = Read::state(view.state, vec![0..view.n_maps, cells.clone(), cells]);
    // A device that is lost here is found by the next run.
    let values = loaded.session.engine_mut().read(&[read]).await.ok()?.pop()?;
    Some(Thumbnails { n_rows: view.n_cells, n_cols: view.n_cells, block: view.block, values })
}

/// Thumbnails of cross-attention, from the maps that are kept; none of texts too long for that.
async fn crossed(loaded: &mut Loaded) -> Option<Thumbnails> {
    let session = &mut loaded.session;
    let (n_rows, n_cols) = (session.tokens().len(), session.source_tokens().len());
    let spec = session.spec();
    let (n_layers, n_heads) = (spec.n_layers, spec.n_heads);
    if n_layers * n_heads * n_rows * n_cols > MAX_CROSSED {
        return None;
    }
    let points = (0..n_layers).map(|layer| spec.at(Hook::CrossPattern, layer));
    let reads: Option<Vec<Read>> = points
        .map(|point| {
            let (state, ..) = session.state_of(point)?;
            Some(Read::state(state, vec![0..n_heads, 0..n_rows, 0..n_cols]))
        })
        .collect();
    let values = session.engine_mut().read(&reads?).await.ok()?.concat();
    Some(pixels::shrunk(&values, n_rows, n_cols, CROSSED_SIDE))
}
